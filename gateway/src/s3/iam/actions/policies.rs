//! Managed policies: an account's own, and those that come with the program.

use crate::domain::{BuiltInPolicy, IamPath, IdentityKind, ManagedPolicy, ManagedPolicyDetails, Timestamp};
use crate::metadata::{CreatePolicy, DeletePolicy, NewPolicy, PolicyScope};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::actions::tags::{TAGS_MAX, read_tags};
use crate::s3::iam::authorize::policy_arn;
use crate::s3::iam::documents::check_identity;
use crate::s3::iam::error::IamError;
use crate::s3::iam::names::unique_id;
use crate::s3::iam::page::Page;
use crate::s3::iam::show;

/// The longest text of a managed policy, in letters that are not white space.
pub const LETTERS_MAX: usize = 6_144;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let new = &["PolicyName", "Path", "PolicyDocument", "Description", "Tags"];
    let lists = &["Scope", "OnlyAttached", "PathPrefix", "PolicyUsageFilter", "Marker", "MaxItems"];
    let entities = &["PolicyArn", "EntityFilter", "PathPrefix", "PolicyUsageFilter", "Marker", "MaxItems"];
    vec![
        iam("CreatePolicy", ActionResource::NewPolicy, new, create),
        iam("GetPolicy", ActionResource::Policy, &["PolicyArn"], get),
        iam("DeletePolicy", ActionResource::Policy, &["PolicyArn"], delete),
        iam("ListPolicies", ActionResource::Account, lists, list),
        iam("ListEntitiesForPolicy", ActionResource::Policy, entities, identities),
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
pub fn own(request: &ActionRequest, action: &str) -> Result<String, IamError> {
    let arn = request.args.need("PolicyArn")?;
    if BuiltInPolicy::of_arn(arn).is_some() {
        return Err(IamError::denied(&request.caller.arn(), action, arn));
    }
    Ok(arn.to_owned())
}

async fn create(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (name, path, document) =
        (request.args.policy_name()?, request.args.path()?, request.args.need("PolicyDocument")?);
    check_identity(document, LETTERS_MAX)?;
    let policy = NewPolicy {
        account: request.caller.user.id,
        unique_id: unique_id("ANPA", &request),
        arn: policy_arn(request.caller.user.id, &path, &name),
        name: name.clone(),
        path,
        details: ManagedPolicyDetails {
            description: request.args.text("Description", 1_000)?,
            tags: read_tags(&request.args, TAGS_MAX)?,
        },
        document: document.to_owned(),
    };
    match request.state.metadata.create_policy(policy).await? {
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

async fn get(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let arn = request.args.need("PolicyArn")?;
    let found = match BuiltInPolicy::of_arn(arn) {
        Some(policy) => Some(built_in(&request, policy).await?),
        None => request.state.metadata.managed_policy(request.caller.user.id, arn).await?,
    };
    found.map(|policy| element(&policy)).ok_or_else(|| missing(arn))
}

/// A built-in policy, as if it were a row.
async fn built_in(request: &ActionRequest, policy: &BuiltInPolicy) -> Result<ManagedPolicy, IamError> {
    let attachments = request.state.metadata.count_attachments(request.caller.user.id, &policy.arn()).await?;
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

async fn delete(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let arn = own(&request, "iam:DeletePolicy")?;
    match request.state.metadata.delete_policy(request.caller.user.id, &arn).await? {
        DeletePolicy::Deleted => Ok(XmlWriter::fragment()),
        DeletePolicy::NoSuchPolicy => Err(missing(&arn)),
        DeletePolicy::Attached => {
            Err(IamError::conflict("must detach the policy from all users, groups and roles first"))
        }
        DeletePolicy::HasVersions => Err(IamError::conflict("must delete all versions but the default one first")),
    }
}

async fn list(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let page = Page::of(&request.args)?;
    if request.args.get("PolicyUsageFilter").is_some_and(|filter| filter != "PermissionsPolicy") {
        return Err(IamError::validation("Permissions boundaries are not supported"));
    }
    let (only_attached, prefix) = (request.args.flag("OnlyAttached")?, request.args.path_prefix()?);
    let scope = request.args.get("Scope").unwrap_or("All");
    let (built_ins, own) = match scope {
        "All" => (true, true),
        "AWS" => (true, false),
        "Local" => (false, true),
        _ => return Err(IamError::invalid("Scope", "must satisfy enum value set: [All, AWS, Local]")),
    };
    let mut policies = Vec::new();
    if own {
        let scope = PolicyScope {
            account: request.caller.user.id,
            path_prefix: prefix.clone(),
            only_attached,
            after: page.after.clone(),
            limit: page.fetch_limit(),
        };
        policies = request.state.metadata.managed_policies(&scope).await?;
    }
    if built_ins && prefix == "/" {
        for policy in BuiltInPolicy::ALL {
            let policy = built_in(&request, policy).await?;
            if policy.name.folded() > page.after && (!only_attached || policy.attachments > 0) {
                policies.push(policy);
            }
        }
    }
    // An account may have a policy of the same name as a built-in one: both have their place.
    policies.sort_by_key(|policy| (policy.name.folded(), policy.account.is_some()));
    Ok(page.write("Policies", &policies, |policy| policy.name.folded(), show::policy))
}

async fn identities(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let arn = request.args.need("PolicyArn")?;
    let (account, page, prefix) = (request.caller.user.id, Page::of(&request.args)?, request.args.path_prefix()?);
    if BuiltInPolicy::of_arn(arn).is_none() && request.state.metadata.managed_policy(account, arn).await?.is_none() {
        return Err(missing(arn));
    }
    if !page.after.is_empty() || prefix != "/" || request.args.get("PolicyUsageFilter").is_some() {
        return Err(IamError::validation("Marker, PathPrefix and PolicyUsageFilter are not supported"));
    }
    let wanted = match request.args.get("EntityFilter") {
        None => None,
        Some(word) => match IdentityKind::of_word(&word.to_ascii_lowercase()) {
            Some(kind) => Some(kind),
            None => return Err(IamError::invalid("EntityFilter", "must satisfy enum value set: [User, Role, Group]")),
        },
    };
    let found = request.state.metadata.policy_entities(account, arn).await?;
    let mut writer = XmlWriter::fragment();
    for (kind, list, name, id) in [
        (IdentityKind::Group, "PolicyGroups", "GroupName", "GroupId"),
        (IdentityKind::User, "PolicyUsers", "UserName", "UserId"),
        (IdentityKind::Role, "PolicyRoles", "RoleName", "RoleId"),
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
