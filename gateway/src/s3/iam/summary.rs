//! What an account has and may have.

use super::error::IamError;
use super::table::{About, Action, Ask, iam};
use crate::domain::HolderKind;
use crate::s3::xml::XmlWriter;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    vec![
        iam("GetAccountSummary", About::Account, &[], summary),
        iam("ListAccountAliases", About::Account, &["Marker", "MaxItems"], aliases),
        iam("ListOpenIDConnectProviders", About::Account, &[], identity_providers),
    ]
}

async fn summary(ask: Ask) -> Result<XmlWriter, IamError> {
    let (metadata, account) = (&ask.door.metadata, ask.caller.user.id);
    let mut entries = vec![
        ("Policies", metadata.count_policies(account).await?),
        ("PoliciesQuota", 1_500),
        ("AccessKeysPerUserQuota", 2),
        ("GroupsPerUserQuota", 10),
        ("AttachedPoliciesPerUserQuota", 20),
        ("AttachedPoliciesPerGroupQuota", 20),
        ("AttachedPoliciesPerRoleQuota", 20),
        ("VersionsPerPolicyQuota", 5),
        ("PolicySizeQuota", 6_144),
        ("UserPolicySizeQuota", 2_048),
        ("GroupPolicySizeQuota", 5_120),
        ("RolePolicySizeQuota", 10_240),
        ("AssumeRolePolicySizeQuota", 2_048),
    ];
    for (kind, name, quota) in [
        (HolderKind::User, "Users", "UsersQuota"),
        (HolderKind::Group, "Groups", "GroupsQuota"),
        (HolderKind::Role, "Roles", "RolesQuota"),
    ] {
        entries.push((name, metadata.count_holders(account, kind).await?));
        entries.push((quota, kind.quota()));
    }
    let mut writer = XmlWriter::fragment();
    writer.open("SummaryMap");
    for (name, value) in entries {
        writer.open("entry").text("key", name).plain("value", value).close("entry");
    }
    writer.close("SummaryMap");
    Ok(writer)
}

/// There are no identity providers; tools ask all the same.
async fn identity_providers(_ask: Ask) -> Result<XmlWriter, IamError> {
    let mut writer = XmlWriter::fragment();
    writer.open("OpenIDConnectProviderList").close("OpenIDConnectProviderList");
    Ok(writer)
}

/// Accounts have no aliases.
async fn aliases(_ask: Ask) -> Result<XmlWriter, IamError> {
    let mut writer = XmlWriter::fragment();
    writer.open("AccountAliases").close("AccountAliases").plain("IsTruncated", false);
    Ok(writer)
}
