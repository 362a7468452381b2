//! Policies that belong to one user, group or role: put, get, delete, list.

use super::account_policies;
use super::documents::check_identity;
use super::error::IamError;
use super::page::Page;
use super::show;
use super::table::{About, Action, Ask, iam, parameter};
use crate::domain::HolderKind;
use crate::metadata::PutInlinePolicy;
use crate::s3::xml::XmlWriter;

/// The kinds with the names of their four actions.
const NAMES: [(HolderKind, [&str; 4]); 3] = [
    (HolderKind::User, ["PutUserPolicy", "GetUserPolicy", "DeleteUserPolicy", "ListUserPolicies"]),
    (HolderKind::Group, ["PutGroupPolicy", "GetGroupPolicy", "DeleteGroupPolicy", "ListGroupPolicies"]),
    (HolderKind::Role, ["PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy", "ListRolePolicies"]),
];
const PARAMETERS: &[&str] =
    &["UserName", "GroupName", "RoleName", "PolicyName", "PolicyDocument", "Marker", "MaxItems"];

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let of = |(kind, [put_name, get_name, delete_name, list_name]): (HolderKind, [&'static str; 4])| {
        let about = About::Holder(kind);
        [
            iam(put_name, about, PARAMETERS, move |ask| put(ask, kind)),
            iam(get_name, about, PARAMETERS, move |ask| get(ask, kind)),
            iam(delete_name, about, PARAMETERS, move |ask| delete(ask, kind)),
            iam(list_name, about, PARAMETERS, move |ask| list(ask, kind)),
        ]
    };
    NAMES.into_iter().flat_map(of).collect()
}

async fn put(ask: Ask, kind: HolderKind) -> Result<XmlWriter, IamError> {
    let (name, document) = (ask.args.policy_name()?, ask.args.need("PolicyDocument")?);
    if let Some(account) = account_policies::account(&ask, kind).await? {
        return account_policies::put(&ask, &account).await;
    }
    let most = kind.inline_letters_max();
    check_identity(document, most)?;
    let holder = ask.holder(kind)?;
    match ask.door.metadata.put_inline_policy(holder.id, name.as_str(), document, most).await? {
        PutInlinePolicy::Put => Ok(XmlWriter::fragment()),
        PutInlinePolicy::NoSuchHolder => Err(IamError::missing(kind.word(), holder.name.as_str())),
        PutInlinePolicy::TooLong => {
            let what = format!("Maximum policy size of {most} bytes exceeded for {} {}", kind.word(), holder.name);
            Err(IamError::limit(&what, most))
        }
    }
}

fn missing(name: &str, kind: HolderKind) -> IamError {
    IamError::no_such(format!("The {} policy with name {name} cannot be found.", kind.word()))
}

async fn get(ask: Ask, kind: HolderKind) -> Result<XmlWriter, IamError> {
    if let Some(account) = account_policies::account(&ask, kind).await? {
        return account_policies::get(&ask, &account).await;
    }
    let (holder, name) = (ask.holder(kind)?, ask.args.policy_name()?);
    let found = ask.door.metadata.inline_policy(holder.id, name.as_str()).await?;
    let document = found.ok_or_else(|| missing(name.as_str(), kind))?;
    let mut writer = XmlWriter::fragment();
    writer.text(parameter(kind), holder.name.as_str()).text("PolicyName", name.as_str());
    show::document(&mut writer, "PolicyDocument", &document);
    Ok(writer)
}

async fn delete(ask: Ask, kind: HolderKind) -> Result<XmlWriter, IamError> {
    if let Some(account) = account_policies::account(&ask, kind).await? {
        return account_policies::delete(&ask, &account).await;
    }
    let (holder, name) = (ask.holder(kind)?, ask.args.policy_name()?);
    let gone = ask.door.metadata.delete_inline_policy(holder.id, name.as_str()).await?;
    if gone { Ok(XmlWriter::fragment()) } else { Err(missing(name.as_str(), kind)) }
}

async fn list(ask: Ask, kind: HolderKind) -> Result<XmlWriter, IamError> {
    if let Some(account) = account_policies::account(&ask, kind).await? {
        return account_policies::list(&ask, &account).await;
    }
    let (holder, page) = (ask.holder(kind)?, Page::of(&ask.args)?);
    let names = ask.door.metadata.inline_policies(holder.id, &page.after, page.asked()).await?;
    let write = |writer: &mut XmlWriter, name: &String| {
        writer.content(name);
    };
    Ok(page.write("PolicyNames", &names, Clone::clone, write))
}
