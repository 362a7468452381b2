//! Policies that the root user puts on whole accounts, through the actions for policies of users: an account is named by
//! its canonical id. What they deny is denied to everybody in the account; what they allow, the account's own keys may do,
//! also with buckets of others.

use crate::domain::{CanonicalId, IdentityKind, User};
use crate::metadata::PutInlinePolicy;
use crate::policy::{AuthorizationRequest, Evaluation};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::ActionRequest;
use crate::s3::iam::authorize::condition_value;
use crate::s3::iam::documents::check_identity;
use crate::s3::iam::error::IamError;
use crate::s3::iam::page::Page;
use crate::s3::iam::show;

/// The account an action names; none when it names something else.
///
/// # Errors
/// When the database is unavailable.
pub async fn account(request: &ActionRequest, kind: IdentityKind) -> Result<Option<User>, IamError> {
    let name = request.args.get("UserName").unwrap_or_default();
    let canonical = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A user may have such a name, too, and comes first.
    if kind != IdentityKind::User || !canonical || request.identity.is_some() {
        return Ok(None);
    }
    Ok(request.state.metadata.account(&CanonicalId(name.to_ascii_lowercase())).await?)
}

/// Authorizes the root user, and the account itself where its policies allow it.
fn authorize(request: &ActionRequest, account: &User, permission: &str) -> Result<(), IamError> {
    let (caller, resource) = (request.caller.principal(), format!("arn:aws:iam:::user/{}", account.canonical_id));
    if caller.operator {
        return Ok(());
    }
    let keys = |key: &str| condition_value(request, key);
    let authorization_request =
        AuthorizationRequest { caller: Some(caller), action: permission, resource: &resource, keys: &keys };
    let evaluations: Vec<_> =
        caller.account_policies.iter().map(|document| document.evaluate(&authorization_request)).collect();
    if caller.account == account.id
        && evaluations.contains(&Evaluation::Allow)
        && !evaluations.contains(&Evaluation::Deny)
    {
        return Ok(());
    }
    Err(IamError::denied(&request.caller.arn(), permission, &resource))
}

/// `PutUserPolicy` of an account.
///
/// # Errors
/// `AccessDenied`, `MalformedPolicyDocument`, `LimitExceeded`, `UnmodifiableEntity` for the root user.
pub async fn put(request: &ActionRequest, account: &User) -> Result<XmlWriter, IamError> {
    let most = IdentityKind::User.inline_letters_max();
    let (name, document) = (request.args.policy_name()?, request.args.need("PolicyDocument")?);
    check_identity(document, most)?;
    authorize(request, account, "iam:PutUserPolicy")?;
    if account.root {
        return Err(IamError::unmodifiable("Nothing limits the root user"));
    }
    match request.state.metadata.put_account_policy(account.id, name.as_str(), document, most).await? {
        PutInlinePolicy::Put => Ok(XmlWriter::fragment()),
        PutInlinePolicy::NoSuchIdentity => Err(IamError::missing("user", &account.canonical_id.0)),
        PutInlinePolicy::TooLong => Err(IamError::limit("policy size of the account", most)),
    }
}

/// `GetUserPolicy` of an account.
///
/// # Errors
/// `AccessDenied`, `NoSuchEntity`.
pub async fn get(request: &ActionRequest, account: &User) -> Result<XmlWriter, IamError> {
    authorize(request, account, "iam:GetUserPolicy")?;
    let name = request.args.policy_name()?;
    let policies = request.state.metadata.account_policies(account.id).await?;
    let found = policies.iter().find(|(known, _)| known == name.as_str());
    let (_, document) = found.ok_or_else(|| missing(name.as_str()))?;
    let mut writer = XmlWriter::fragment();
    writer.text("UserName", &account.canonical_id.0).text("PolicyName", name.as_str());
    show::document(&mut writer, "PolicyDocument", document);
    Ok(writer)
}

/// `DeleteUserPolicy` of an account.
///
/// # Errors
/// `AccessDenied`, `NoSuchEntity`.
pub async fn delete(request: &ActionRequest, account: &User) -> Result<XmlWriter, IamError> {
    authorize(request, account, "iam:DeleteUserPolicy")?;
    let name = request.args.policy_name()?;
    let gone = request.state.metadata.delete_account_policy(account.id, name.as_str()).await?;
    if gone { Ok(XmlWriter::fragment()) } else { Err(missing(name.as_str())) }
}

fn missing(name: &str) -> IamError {
    IamError::no_such(format!("The user policy with name {name} cannot be found."))
}

/// `ListUserPolicies` of an account.
///
/// # Errors
/// `AccessDenied`.
pub async fn list(request: &ActionRequest, account: &User) -> Result<XmlWriter, IamError> {
    authorize(request, account, "iam:ListUserPolicies")?;
    let page = Page::of(&request.args)?;
    let mut policies = request.state.metadata.account_policies(account.id).await?;
    policies.retain(|(name, _)| *name > page.after);
    let write = |writer: &mut XmlWriter, (name, _): &(String, String)| {
        writer.content(name);
    };
    Ok(page.write("PolicyNames", &policies, |(name, _)| name.clone(), write))
}
