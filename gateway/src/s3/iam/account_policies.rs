//! Policies that the root user puts on whole accounts, through the actions for policies of users: an account is named by
//! its canonical id. What they deny is denied to everybody in the account; what they allow, the account's own keys may do,
//! also with buckets of others.

use super::authorize::fact;
use super::documents::check_identity;
use super::error::IamError;
use super::page::Page;
use super::show;
use super::table::Ask;
use crate::domain::{CanonicalId, HolderKind, User};
use crate::metadata::PutInlinePolicy;
use crate::policy::{Question, Verdict};
use crate::s3::xml::XmlWriter;

/// The account an action names; none when it names something else.
///
/// # Errors
/// When the database is away.
pub async fn account(ask: &Ask, kind: HolderKind) -> Result<Option<User>, IamError> {
    let name = ask.args.get("UserName").unwrap_or_default();
    let canonical = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A user may have such a name, too, and comes first.
    if kind != HolderKind::User || !canonical || ask.holder.is_some() {
        return Ok(None);
    }
    Ok(ask.door.metadata.account(&CanonicalId(name.to_ascii_lowercase())).await?)
}

/// Lets the root user through, and the account itself where its policies say so.
fn admit(ask: &Ask, account: &User, permission: &str) -> Result<(), IamError> {
    let (caller, resource) = (ask.caller.principal(), format!("arn:aws:iam:::user/{}", account.canonical_id));
    if caller.operator {
        return Ok(());
    }
    let keys = |key: &str| fact(ask, key);
    let question = Question { caller: Some(caller), action: permission, resource: &resource, keys: &keys };
    let verdicts: Vec<_> = caller.account_policies.iter().map(|document| document.evaluate(&question)).collect();
    if caller.account == account.id && verdicts.contains(&Verdict::Allow) && !verdicts.contains(&Verdict::Deny) {
        return Ok(());
    }
    Err(IamError::denied(&ask.caller.arn(), permission, &resource))
}

/// `PutUserPolicy` of an account.
///
/// # Errors
/// `AccessDenied`, `MalformedPolicyDocument`, `LimitExceeded`, `UnmodifiableEntity` for the root user.
pub async fn put(ask: &Ask, account: &User) -> Result<XmlWriter, IamError> {
    let most = HolderKind::User.inline_letters_max();
    let (name, document) = (ask.args.policy_name()?, ask.args.need("PolicyDocument")?);
    check_identity(document, most)?;
    admit(ask, account, "iam:PutUserPolicy")?;
    if account.root {
        return Err(IamError::unmodifiable("Nothing limits the root user"));
    }
    match ask.door.metadata.put_account_policy(account.id, name.as_str(), document, most).await? {
        PutInlinePolicy::Put => Ok(XmlWriter::fragment()),
        PutInlinePolicy::NoSuchHolder => Err(IamError::missing("user", &account.canonical_id.0)),
        PutInlinePolicy::TooLong => Err(IamError::limit("policy size of the account", most)),
    }
}

/// `GetUserPolicy` of an account.
///
/// # Errors
/// `AccessDenied`, `NoSuchEntity`.
pub async fn get(ask: &Ask, account: &User) -> Result<XmlWriter, IamError> {
    admit(ask, account, "iam:GetUserPolicy")?;
    let name = ask.args.policy_name()?;
    let policies = ask.door.metadata.account_policies(account.id).await?;
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
pub async fn delete(ask: &Ask, account: &User) -> Result<XmlWriter, IamError> {
    admit(ask, account, "iam:DeleteUserPolicy")?;
    let name = ask.args.policy_name()?;
    let gone = ask.door.metadata.delete_account_policy(account.id, name.as_str()).await?;
    if gone { Ok(XmlWriter::fragment()) } else { Err(missing(name.as_str())) }
}

fn missing(name: &str) -> IamError {
    IamError::no_such(format!("The user policy with name {name} cannot be found."))
}

/// `ListUserPolicies` of an account.
///
/// # Errors
/// `AccessDenied`.
pub async fn list(ask: &Ask, account: &User) -> Result<XmlWriter, IamError> {
    admit(ask, account, "iam:ListUserPolicies")?;
    let page = Page::of(&ask.args)?;
    let mut policies = ask.door.metadata.account_policies(account.id).await?;
    policies.retain(|(name, _)| *name > page.after);
    let write = |writer: &mut XmlWriter, (name, _): &(String, String)| {
        writer.content(name);
    };
    Ok(page.write("PolicyNames", &policies, |(name, _)| name.clone(), write))
}
