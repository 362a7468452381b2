//! Whether a caller may do an action.

use super::error::IamError;
use super::names::{actor, lookup};
use super::table::{About, Action, Ask, parameter};
use crate::domain::{HolderKind, IamName, IamPath, UserId, iam_arn};
use crate::policy::{Decision, Question, Value, decide};
use crate::s3::request_context;

/// Finds what the action is about and lets the caller through.
///
/// # Errors
/// `AccessDenied`; a name that is none.
pub async fn admit(action: &Action, mut ask: Ask) -> Result<Ask, IamError> {
    let account = ask.caller.user.id;
    let resource = match action.about {
        About::Caller => return Ok(ask),
        About::Account => "*".to_owned(),
        About::UserOrCaller if ask.args.get("UserName").is_none() => {
            ask.holder = actor(&ask.caller).cloned();
            ask.holder.as_ref().map_or_else(|| ask.caller.arn(), |user| user.arn())
        }
        About::UserOrCaller => holder(&mut ask, HolderKind::User).await?,
        About::Holder(kind) => holder(&mut ask, kind).await?,
        About::NewHolder(kind) => {
            let name = ask.args.name(parameter(kind), kind)?;
            iam_arn(account, kind.word(), &ask.args.path()?, name.as_str())
        }
        About::Policy => ask.args.need("PolicyArn")?.to_owned(),
        About::NewPolicy => policy_arn(account, &ask.args.path()?, &ask.args.policy_name()?),
    };
    let permission = action.permission();
    if allows(&ask, &permission, &resource) {
        Ok(ask)
    } else {
        Err(IamError::denied(&ask.caller.arn(), &permission, &resource))
    }
}

/// The ARN of a managed policy.
pub fn policy_arn(account: UserId, path: &IamPath, name: &IamName) -> String {
    iam_arn(account, "policy", path, name.as_str())
}

/// Finds a user, group or role by its parameter; its ARN, or that of one at `/` when there is none.
async fn holder(ask: &mut Ask, kind: HolderKind) -> Result<String, IamError> {
    let (account, name) = (ask.caller.user.id, ask.args.name(parameter(kind), kind)?);
    ask.holder = lookup(ask, kind, &name).await?;
    Ok(ask
        .holder
        .as_ref()
        .map_or_else(|| iam_arn(account, kind.word(), &IamPath::default(), name.as_str()), crate::domain::Holder::arn))
}

/// Whether the caller's policies allow an action. The account itself may do everything in it.
pub fn allows(ask: &Ask, permission: &str, resource: &str) -> bool {
    let keys = |key: &str| fact(ask, key);
    let question = Question { caller: Some(ask.caller.principal()), action: permission, resource, keys: &keys };
    decide(&question, None, None) == Decision::Allow
}

/// The value of a condition key that is about the request; keys come in lower case.
pub fn fact<'a>(ask: &'a Ask, key: &str) -> Option<Value<'a>> {
    match key.split_once(':')? {
        ("aws", name) => request_context::value(&ask.door, &ask.head, name),
        ("iam", "policyarn") => ask.args.get("PolicyArn").map(Value::from),
        ("sts", "externalid") => ask.args.get("ExternalId").map(Value::from),
        ("sts", "rolesessionname") => ask.args.get("RoleSessionName").map(Value::from),
        _ => None,
    }
}
