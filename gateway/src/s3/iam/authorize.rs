//! Whether a caller may do an action.

use crate::domain::{IamName, IamPath, IdentityKind, UserId, iam_arn};
use crate::policy::{AuthorizationRequest, Decision, Value, decide};
use crate::s3::auth::{Caller, Service};
use crate::s3::authz::request_context;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, parameter};
use crate::s3::iam::error::IamError;
use crate::s3::iam::names::{actor, lookup};

/// Resolves the resource of an action and authorizes the caller.
///
/// # Errors
/// `AccessDenied`; a name that is none.
pub async fn authorize(action: &Action, mut request: ActionRequest) -> Result<ActionRequest, IamError> {
    if action.service == Service::Iam && is_lent(&request.caller) {
        return Err(IamError::denied(&request.caller.arn(), &action.permission(), "*"));
    }
    let account = request.caller.user.id;
    let resource = match action.resource {
        ActionResource::Caller => return Ok(request),
        ActionResource::Account => "*".to_owned(),
        ActionResource::UserOrCaller if request.args.get("UserName").is_none() => {
            request.identity = actor(&request.caller).cloned();
            request.identity.as_ref().map_or_else(|| request.caller.arn(), |user| user.arn())
        }
        ActionResource::UserOrCaller => identity(&mut request, IdentityKind::User).await?,
        ActionResource::IamIdentity(kind) => identity(&mut request, kind).await?,
        ActionResource::NewIdentity(kind) => {
            let name = request.args.name(parameter(kind), kind)?;
            iam_arn(account, kind.word(), &request.args.path()?, name.as_str())
        }
        ActionResource::Policy => request.args.need("PolicyArn")?.to_owned(),
        ActionResource::NewPolicy => policy_arn(account, &request.args.path()?, &request.args.policy_name()?),
    };
    let permission = action.permission();
    if allows(&request, &permission, &resource) {
        Ok(request)
    } else {
        Err(IamError::denied(&request.caller.arn(), &permission, &resource))
    }
}

/// Whether the key is one of `GetSessionToken`. As with Amazon, such a key calls nothing of IAM: it ends, and what it could
/// make there, an access key above all, would not.
fn is_lent(caller: &Caller) -> bool {
    caller.session.as_ref().is_some_and(|session| session.name.is_none())
}

/// The ARN of a managed policy.
pub fn policy_arn(account: UserId, path: &IamPath, name: &IamName) -> String {
    iam_arn(account, "policy", path, name.as_str())
}

/// Finds a user, group or role by its parameter; its ARN, or that of one at `/` when there is none.
async fn identity(request: &mut ActionRequest, kind: IdentityKind) -> Result<String, IamError> {
    let (account, name) = (request.caller.user.id, request.args.name(parameter(kind), kind)?);
    request.identity = lookup(request, kind, &name).await?;
    Ok(request.identity.as_ref().map_or_else(
        || iam_arn(account, kind.word(), &IamPath::default(), name.as_str()),
        crate::domain::IamIdentity::arn,
    ))
}

/// Whether the caller's policies allow an action. The account itself may do everything in it.
pub fn allows(request: &ActionRequest, permission: &str, resource: &str) -> bool {
    let keys = |key: &str| condition_value(request, key);
    let authorization_request =
        AuthorizationRequest { caller: Some(request.caller.principal()), action: permission, resource, keys: &keys };
    decide(&authorization_request, None, None) == Decision::Allow
}

/// The value of a condition key that is about the request; keys come in lower case.
pub fn condition_value<'a>(request: &'a ActionRequest, key: &str) -> Option<Value<'a>> {
    match key.split_once(':')? {
        ("aws", name) => request_context::value(&request.state, &request.head, name),
        ("iam", "policyarn") => request.args.get("PolicyArn").map(Value::from),
        ("sts", "externalid") => request.args.get("ExternalId").map(Value::from),
        ("sts", "rolesessionname") => request.args.get("RoleSessionName").map(Value::from),
        _ => None,
    }
}
