//! Managed policies: an account's own, and those that come with the program.

use super::authorize::policy_arn;
use super::documents::check_identity;
use super::error::IamError;
use super::names::unique_id;
use super::page::Page;
use super::show;
use super::table::{About, Action, Ask, iam};
use super::tags::{TAGS_MAX, read_tags};
use crate::domain::{BuiltInPolicy, HolderKind, IamPath, ManagedPolicy, ManagedPolicyDetails, Timestamp};
use crate::metadata::{CreatePolicy, DeletePolicy, NewPolicy, PolicyScope};
use crate::s3::xml::XmlWriter;

/// The longest text of a managed policy, in letters that are not white space.
pub const LETTERS_MAX: usize = 6_144;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let new = &["PolicyName", "Path", "PolicyDocument", "Description", "Tags"];
    let lists = &["Scope", "OnlyAttached", "PathPrefix", "PolicyUsageFilter", "Marker", "MaxItems"];
    let entities = &["PolicyArn", "EntityFilter", "PathPrefix", "PolicyUsageFilter", "Marker", "MaxItems"];
    vec![
        iam("CreatePolicy", About::NewPolicy, new, create),
        iam("GetPolicy", About::Policy, &["PolicyArn"], get),
        iam("DeletePolicy", About::Policy, &["PolicyArn"], delete),
        iam("ListPolicies", About::Account, lists, list),
        iam("ListEntitiesForPolicy", About::Policy, entities, holders),
    ]
}

/// A policy that is not there.
pub fn missing(arn: &str) -> IamError {
    let shown: String = arn.chars().take(256).collect();
    IamError::no_such(format!("Policy {shown} was not found."))
}

/// Refuses to change what comes with the program.
///
/// # Errors
/// `AccessDenied`.
pub fn own(ask: &Ask, action: &str) -> Result<String, IamError> {
    let arn = ask.args.need("PolicyArn")?;
    if BuiltInPolicy::of_arn(arn).is_some() {
        return Err(IamError::denied(&ask.caller.arn(), action, arn));
    }
    Ok(arn.to_owned())
}

async fn create(ask: Ask) -> Result<XmlWriter, IamError> {
    let (name, path, document) = (ask.args.policy_name()?, ask.args.path()?, ask.args.need("PolicyDocument")?);
    check_identity(document, LETTERS_MAX)?;
    let policy = NewPolicy {
        account: ask.caller.user.id,
        unique_id: unique_id("ANPA", &ask),
        arn: policy_arn(ask.caller.user.id, &path, &name),
        name: name.clone(),
        path,
        details: ManagedPolicyDetails {
            description: ask.args.text("Description", 1_000)?,
            tags: read_tags(&ask.args, TAGS_MAX)?,
        },
        document: document.to_owned(),
    };
    match ask.door.metadata.create_policy(policy).await? {
        CreatePolicy::Created(policy) => Ok(element(&policy)),
        CreatePolicy::NameTaken => Err(IamError::exists("A policy", name.as_str())),
        CreatePolicy::TooMany => Err(IamError::limit("PoliciesPerAccount", 1_500)),
        CreatePolicy::NoSuchAccount => Err(IamError::no_such("The account was removed")),
    }
}

fn element(policy: &ManagedPolicy) -> XmlWriter {
    let mut writer = XmlWriter::fragment();
    writer.open("Policy");
    show::policy(&mut writer, policy);
    writer.close("Policy");
    writer
}

async fn get(ask: Ask) -> Result<XmlWriter, IamError> {
    let arn = ask.args.need("PolicyArn")?;
    let found = match BuiltInPolicy::of_arn(arn) {
        Some(policy) => Some(built_in(&ask, policy).await?),
        None => ask.door.metadata.managed_policy(ask.caller.user.id, arn).await?,
    };
    found.map(|policy| element(&policy)).ok_or_else(|| missing(arn))
}

/// A built-in policy, as if it were a row.
async fn built_in(ask: &Ask, policy: &BuiltInPolicy) -> Result<ManagedPolicy, IamError> {
    let attachments = ask.door.metadata.count_attachments(ask.caller.user.id, &policy.arn()).await?;
    Ok(ManagedPolicy {
        account: None,
        unique_id: policy.unique_id.to_owned(),
        arn: policy.arn(),
        name: policy.name.parse().map_err(|error| IamError::invalid("PolicyName", error))?,
        path: IamPath::default(),
        details: ManagedPolicyDetails { description: Some(policy.description.to_owned()), tags: Vec::new() },
        default_version: 1,
        attachments,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
    })
}

async fn delete(ask: Ask) -> Result<XmlWriter, IamError> {
    let arn = own(&ask, "iam:DeletePolicy")?;
    match ask.door.metadata.delete_policy(ask.caller.user.id, &arn).await? {
        DeletePolicy::Deleted => Ok(XmlWriter::fragment()),
        DeletePolicy::NoSuchPolicy => Err(missing(&arn)),
        DeletePolicy::Attached => {
            Err(IamError::conflict("must detach the policy from all users, groups and roles first"))
        }
        DeletePolicy::HasVersions => Err(IamError::conflict("must delete all versions but the default one first")),
    }
}

async fn list(ask: Ask) -> Result<XmlWriter, IamError> {
    let page = Page::of(&ask.args)?;
    if ask.args.get("PolicyUsageFilter").is_some_and(|filter| filter != "PermissionsPolicy") {
        return Err(IamError::validation("Permissions boundaries are not supported"));
    }
    let (only_attached, prefix) = (ask.args.flag("OnlyAttached")?, ask.args.path_prefix()?);
    let scope = ask.args.get("Scope").unwrap_or("All");
    let (built_ins, own) = match scope {
        "All" => (true, true),
        "AWS" => (true, false),
        "Local" => (false, true),
        _ => return Err(IamError::invalid("Scope", "must satisfy enum value set: [All, AWS, Local]")),
    };
    let mut policies = Vec::new();
    if own {
        let scope = PolicyScope {
            account: ask.caller.user.id,
            path_prefix: prefix.clone(),
            only_attached,
            after: page.after.clone(),
            limit: page.asked(),
        };
        policies = ask.door.metadata.managed_policies(&scope).await?;
    }
    if built_ins && prefix == "/" {
        for policy in BuiltInPolicy::ALL {
            let policy = built_in(&ask, policy).await?;
            if policy.name.folded() > page.after && (!only_attached || policy.attachments > 0) {
                policies.push(policy);
            }
        }
    }
    // An account may have a policy of the same name as a built-in one: both have their place.
    policies.sort_by_key(|policy| (policy.name.folded(), policy.account.is_some()));
    Ok(page.write("Policies", &policies, |policy| policy.name.folded(), show::policy))
}

async fn holders(ask: Ask) -> Result<XmlWriter, IamError> {
    let arn = ask.args.need("PolicyArn")?;
    let (account, page, prefix) = (ask.caller.user.id, Page::of(&ask.args)?, ask.args.path_prefix()?);
    if BuiltInPolicy::of_arn(arn).is_none() && ask.door.metadata.managed_policy(account, arn).await?.is_none() {
        return Err(missing(arn));
    }
    if !page.after.is_empty() || prefix != "/" || ask.args.get("PolicyUsageFilter").is_some() {
        return Err(IamError::validation("Marker, PathPrefix and PolicyUsageFilter are not supported"));
    }
    let wanted = match ask.args.get("EntityFilter") {
        None => None,
        Some(word) => match HolderKind::of_word(&word.to_ascii_lowercase()) {
            Some(kind) => Some(kind),
            None => return Err(IamError::invalid("EntityFilter", "must satisfy enum value set: [User, Role, Group]")),
        },
    };
    let found = ask.door.metadata.policy_holders(account, arn).await?;
    let mut writer = XmlWriter::fragment();
    for (kind, list, name, id) in [
        (HolderKind::Group, "PolicyGroups", "GroupName", "GroupId"),
        (HolderKind::User, "PolicyUsers", "UserName", "UserId"),
        (HolderKind::Role, "PolicyRoles", "RoleName", "RoleId"),
    ] {
        writer.open(list);
        for (_, its_name, its_id) in found.iter().filter(|(its, ..)| *its == kind && wanted.is_none_or(|w| w == kind)) {
            writer.open("member").text(name, its_name).text(id, its_id).close("member");
        }
        writer.close(list);
    }
    writer.plain("IsTruncated", false);
    Ok(writer)
}
