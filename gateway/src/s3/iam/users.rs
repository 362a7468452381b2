//! `CreateUser`, `GetUser`, `UpdateUser`, `DeleteUser`, `ListUsers`.

use super::error::IamError;
use super::names::unique_id;
use super::page::Page;
use super::show;
use super::table::{About, Action, Ask, iam};
use super::tags::{TAGS_MAX, read_tags};
use crate::domain::{HolderDetails, HolderKind};
use crate::metadata::{ChangeHolder, CreateHolder, DeleteHolder, HolderEdit, HolderQuery, NewHolder};
use crate::s3::encoding::xml_time;
use crate::s3::xml::XmlWriter;

const USER: HolderKind = HolderKind::User;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    vec![
        iam("CreateUser", About::NewHolder(USER), &["UserName", "Path", "Tags"], create),
        iam("GetUser", About::UserOrCaller, &["UserName"], get),
        iam("UpdateUser", About::Holder(USER), &["UserName", "NewUserName", "NewPath"], update),
        iam("DeleteUser", About::Holder(USER), &["UserName"], delete),
        iam("ListUsers", About::Account, &["PathPrefix", "Marker", "MaxItems"], list),
    ]
}

async fn create(ask: Ask) -> Result<XmlWriter, IamError> {
    let details = HolderDetails { tags: read_tags(&ask.args, TAGS_MAX)?, ..HolderDetails::default() };
    let holder = make(&ask, USER, details).await?;
    let mut writer = XmlWriter::fragment();
    writer.open("User");
    show::holder(&mut writer, &holder, true);
    writer.close("User");
    Ok(writer)
}

/// Makes a user, group or role of the name and path that were given.
///
/// # Errors
/// `EntityAlreadyExists`, `LimitExceeded`.
pub async fn make(ask: &Ask, kind: HolderKind, details: HolderDetails) -> Result<crate::domain::Holder, IamError> {
    let name = ask.args.name(super::table::parameter(kind), kind)?;
    let new = NewHolder {
        account: ask.caller.user.id,
        kind,
        unique_id: unique_id(kind.id_prefix(), ask),
        name: name.clone(),
        path: ask.args.path()?,
        details,
    };
    match ask.door.metadata.create_holder(new).await? {
        CreateHolder::Created(holder) => Ok(holder),
        CreateHolder::NameTaken => Err(IamError::exists(title(kind), name.as_str())),
        CreateHolder::TooMany => Err(IamError::limit(&format!("{}sPerAccount", title(kind)), kind.quota())),
        CreateHolder::NoSuchAccount => Err(IamError::no_such("The account was removed")),
    }
}

/// `User`, `Group`, `Role`.
pub fn title(kind: HolderKind) -> &'static str {
    match kind {
        HolderKind::User => "User",
        HolderKind::Group => "Group",
        HolderKind::Role => "Role",
    }
}

async fn get(ask: Ask) -> Result<XmlWriter, IamError> {
    let mut writer = XmlWriter::fragment();
    writer.open("User");
    let is_role = ask.holder.as_ref().is_some_and(|holder| holder.kind != USER);
    if is_role {
        return Err(IamError::validation("Must specify userName when calling with non-User credentials"));
    }
    if ask.args.get("UserName").is_some() || ask.holder.is_some() {
        show::holder(&mut writer, ask.holder(USER)?, true);
    } else {
        let account = &ask.caller.user;
        writer.text("Path", "/").text("UserName", &account.name).text("UserId", &account.id.account_number());
        writer.text("Arn", &ask.caller.arn()).plain("CreateDate", xml_time(account.created_at));
    }
    writer.close("User");
    Ok(writer)
}

async fn update(ask: Ask) -> Result<XmlWriter, IamError> {
    let user = ask.holder(USER)?;
    rename(&ask, user, "NewUserName").await?;
    Ok(XmlWriter::fragment())
}

/// Gives a user or group another name or path.
///
/// # Errors
/// `EntityAlreadyExists`.
pub async fn rename(ask: &Ask, holder: &crate::domain::Holder, parameter: &str) -> Result<(), IamError> {
    let name = ask.args.get(parameter).map(|_| ask.args.name(parameter, holder.kind)).transpose()?;
    let path = ask.args.parsed("NewPath")?;
    let shown = name.clone();
    match ask.door.metadata.change_holder(holder.id, HolderEdit::Move { name, path }).await? {
        ChangeHolder::Changed(_) | ChangeHolder::TooManyTags => Ok(()),
        ChangeHolder::NameTaken => {
            Err(IamError::exists(title(holder.kind), shown.as_ref().map_or("", crate::domain::IamName::as_str)))
        }
        ChangeHolder::NoSuchHolder => Err(IamError::missing(holder.kind.word(), holder.name.as_str())),
    }
}

async fn delete(ask: Ask) -> Result<XmlWriter, IamError> {
    remove(&ask, USER).await
}

/// Deletes a user, group or role that holds nothing.
///
/// # Errors
/// `NoSuchEntity`, `DeleteConflict`.
pub async fn remove(ask: &Ask, kind: HolderKind) -> Result<XmlWriter, IamError> {
    let holder = ask.holder(kind)?;
    match ask.door.metadata.delete_holder(holder.id).await? {
        DeleteHolder::Deleted => Ok(XmlWriter::fragment()),
        DeleteHolder::NoSuchHolder => Err(IamError::missing(kind.word(), holder.name.as_str())),
        DeleteHolder::Holds(what) => Err(IamError::conflict(what)),
    }
}

async fn list(ask: Ask) -> Result<XmlWriter, IamError> {
    list_all(&ask, USER, "Users").await
}

/// Lists users, groups or roles.
///
/// # Errors
/// `ValidationError`.
pub async fn list_all(ask: &Ask, kind: HolderKind, name: &str) -> Result<XmlWriter, IamError> {
    let page = Page::of(&ask.args)?;
    let query = HolderQuery {
        account: ask.caller.user.id,
        kind,
        path_prefix: ask.args.path_prefix()?,
        after: page.after.clone(),
        limit: page.asked(),
    };
    let holders = ask.door.metadata.list_holders(&query).await?;
    Ok(page.write(name, &holders, |holder| holder.name.folded(), |writer, holder| show::holder(writer, holder, false)))
}
