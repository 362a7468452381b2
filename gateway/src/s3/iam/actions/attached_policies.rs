//! Managed policies attached to users, groups and roles.

use crate::domain::{BuiltInPolicy, IdentityKind};
use crate::metadata::AttachPolicy;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::error::IamError;
use crate::s3::iam::page::Page;

/// The kinds with the names of their three actions.
const NAMES: [(IdentityKind, [&str; 3]); 3] = [
    (IdentityKind::User, ["AttachUserPolicy", "DetachUserPolicy", "ListAttachedUserPolicies"]),
    (IdentityKind::Group, ["AttachGroupPolicy", "DetachGroupPolicy", "ListAttachedGroupPolicies"]),
    (IdentityKind::Role, ["AttachRolePolicy", "DetachRolePolicy", "ListAttachedRolePolicies"]),
];
const PARAMETERS: &[&str] = &["UserName", "GroupName", "RoleName", "PolicyArn", "PathPrefix", "Marker", "MaxItems"];

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let of = |(kind, [attach_name, detach_name, list_name]): (IdentityKind, [&'static str; 3])| {
        let resource = ActionResource::IamIdentity(kind);
        [
            iam(attach_name, resource, PARAMETERS, move |request| attach(request, kind)),
            iam(detach_name, resource, PARAMETERS, move |request| detach(request, kind)),
            iam(list_name, resource, PARAMETERS, move |request| list(request, kind)),
        ]
    };
    NAMES.into_iter().flat_map(of).collect()
}

fn missing(arn: &str) -> IamError {
    let shown: String = arn.chars().take(256).collect();
    IamError::no_such(format!("Policy {shown} does not exist or is not attachable."))
}

async fn attach(request: ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    let (identity, arn) = (request.identity(kind)?, request.args.need("PolicyArn")?);
    let known = BuiltInPolicy::of_arn(arn).is_some()
        || request.state.metadata.managed_policy(request.caller.user.id, arn).await?.is_some();
    if !known {
        return Err(missing(arn));
    }
    match request.state.metadata.attach_policy(identity.id, arn).await? {
        AttachPolicy::Attached => Ok(XmlWriter::fragment()),
        AttachPolicy::NoSuchIdentity => Err(IamError::missing(kind.word(), identity.name.as_str())),
        AttachPolicy::NoSuchPolicy => Err(missing(arn)),
        AttachPolicy::TooMany => Err(IamError::limit("AttachedPoliciesPerHolder", 20)),
    }
}

async fn detach(request: ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    let (identity, arn) = (request.identity(kind)?, request.args.need("PolicyArn")?);
    if request.state.metadata.detach_policy(identity.id, arn).await? {
        return Ok(XmlWriter::fragment());
    }
    let shown: String = arn.chars().take(256).collect();
    Err(IamError::no_such(format!("Policy {shown} was not found attached to {} {}.", kind.word(), identity.name)))
}

async fn list(request: ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    let (identity, page, prefix) = (request.identity(kind)?, Page::of(&request.args)?, request.args.path_prefix()?);
    let mut arns = request.state.metadata.attached_policies(identity.id, &page.after, usize::MAX).await?;
    arns.retain(|arn| split(arn).is_some_and(|(path, _)| path.starts_with(&prefix)));
    let write = |writer: &mut XmlWriter, arn: &String| {
        writer.text("PolicyName", split(arn).map_or("", |(_, name)| name)).text("PolicyArn", arn);
    };
    Ok(page.write("AttachedPolicies", &arns, Clone::clone, write))
}

/// The path and the name in the ARN of a policy.
fn split(arn: &str) -> Option<(&str, &str)> {
    let (_, rest) = arn.split_once(":policy")?;
    let at = rest.rfind('/')?;
    Some((rest.get(..=at)?, rest.get(at + 1..)?))
}
