//! Managed policies attached to users, groups and roles.

use super::error::IamError;
use super::page::Page;
use super::table::{About, Action, Ask, iam};
use crate::domain::{BuiltInPolicy, HolderKind};
use crate::metadata::AttachPolicy;
use crate::s3::xml::XmlWriter;

/// The kinds with the names of their three actions.
const NAMES: [(HolderKind, [&str; 3]); 3] = [
    (HolderKind::User, ["AttachUserPolicy", "DetachUserPolicy", "ListAttachedUserPolicies"]),
    (HolderKind::Group, ["AttachGroupPolicy", "DetachGroupPolicy", "ListAttachedGroupPolicies"]),
    (HolderKind::Role, ["AttachRolePolicy", "DetachRolePolicy", "ListAttachedRolePolicies"]),
];
const PARAMETERS: &[&str] = &["UserName", "GroupName", "RoleName", "PolicyArn", "PathPrefix", "Marker", "MaxItems"];

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let of = |(kind, [attach_name, detach_name, list_name]): (HolderKind, [&'static str; 3])| {
        let about = About::Holder(kind);
        [
            iam(attach_name, about, PARAMETERS, move |ask| attach(ask, kind)),
            iam(detach_name, about, PARAMETERS, move |ask| detach(ask, kind)),
            iam(list_name, about, PARAMETERS, move |ask| list(ask, kind)),
        ]
    };
    NAMES.into_iter().flat_map(of).collect()
}

fn missing(arn: &str) -> IamError {
    let shown: String = arn.chars().take(256).collect();
    IamError::no_such(format!("Policy {shown} does not exist or is not attachable."))
}

async fn attach(ask: Ask, kind: HolderKind) -> Result<XmlWriter, IamError> {
    let (holder, arn) = (ask.holder(kind)?, ask.args.need("PolicyArn")?);
    let known = BuiltInPolicy::of_arn(arn).is_some()
        || ask.door.metadata.managed_policy(ask.caller.user.id, arn).await?.is_some();
    if !known {
        return Err(missing(arn));
    }
    match ask.door.metadata.attach_policy(holder.id, arn).await? {
        AttachPolicy::Attached => Ok(XmlWriter::fragment()),
        AttachPolicy::NoSuchHolder => Err(IamError::missing(kind.word(), holder.name.as_str())),
        AttachPolicy::NoSuchPolicy => Err(missing(arn)),
        AttachPolicy::TooMany => Err(IamError::limit("AttachedPoliciesPerHolder", 20)),
    }
}

async fn detach(ask: Ask, kind: HolderKind) -> Result<XmlWriter, IamError> {
    let (holder, arn) = (ask.holder(kind)?, ask.args.need("PolicyArn")?);
    if ask.door.metadata.detach_policy(holder.id, arn).await? {
        return Ok(XmlWriter::fragment());
    }
    let shown: String = arn.chars().take(256).collect();
    Err(IamError::no_such(format!("Policy {shown} was not found attached to {} {}.", kind.word(), holder.name)))
}

async fn list(ask: Ask, kind: HolderKind) -> Result<XmlWriter, IamError> {
    let (holder, page, prefix) = (ask.holder(kind)?, Page::of(&ask.args)?, ask.args.path_prefix()?);
    let mut arns = ask.door.metadata.attached_policies(holder.id, &page.after, usize::MAX).await?;
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
