//! Account summary and aliases.

use crate::domain::IdentityKind;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::error::IamError;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    vec![
        iam("GetAccountSummary", ActionResource::Account, &[], summary),
        iam("ListAccountAliases", ActionResource::Account, &["Marker", "MaxItems"], aliases),
        iam("ListOpenIDConnectProviders", ActionResource::Account, &[], identity_providers),
    ]
}

async fn summary(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (metadata, account) = (&request.state.metadata, request.caller.user.id);
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
        (IdentityKind::User, "Users", "UsersQuota"),
        (IdentityKind::Group, "Groups", "GroupsQuota"),
        (IdentityKind::Role, "Roles", "RolesQuota"),
    ] {
        entries.push((name, metadata.count_identities(account, kind).await?));
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
async fn identity_providers(_ask: ActionRequest) -> Result<XmlWriter, IamError> {
    let mut writer = XmlWriter::fragment();
    writer.open("OpenIDConnectProviderList").close("OpenIDConnectProviderList");
    Ok(writer)
}

/// Accounts have no aliases.
async fn aliases(_ask: ActionRequest) -> Result<XmlWriter, IamError> {
    let mut writer = XmlWriter::fragment();
    writer.open("AccountAliases").close("AccountAliases").plain("IsTruncated", false);
    Ok(writer)
}
