//! `CreateUser`, `GetUser`, `UpdateUser`, `DeleteUser`, `ListUsers`.

use crate::domain::{IdentityDetails, IdentityKind};
use crate::metadata::{CreateIdentity, DeleteIdentity, IdentityEdit, IdentityQuery, NewIdentity, UpdateIdentity};
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::actions::tags::{TAGS_MAX, read_tags};
use crate::s3::iam::error::IamError;
use crate::s3::iam::names::unique_id;
use crate::s3::iam::page::Page;
use crate::s3::iam::show;

const USER: IdentityKind = IdentityKind::User;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    vec![
        iam("CreateUser", ActionResource::NewIdentity(USER), &["UserName", "Path", "Tags"], create),
        iam("GetUser", ActionResource::UserOrCaller, &["UserName"], get),
        iam("UpdateUser", ActionResource::IamIdentity(USER), &["UserName", "NewUserName", "NewPath"], update),
        iam("DeleteUser", ActionResource::IamIdentity(USER), &["UserName"], delete),
        iam("ListUsers", ActionResource::Account, &["PathPrefix", "Marker", "MaxItems"], list),
    ]
}

async fn create(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let details = IdentityDetails { tags: read_tags(&request.args, TAGS_MAX)?, ..IdentityDetails::default() };
    let identity = make(&request, USER, details).await?;
    let mut writer = XmlWriter::fragment();
    writer.open("User");
    show::identity(&mut writer, &identity, true);
    writer.close("User");
    Ok(writer)
}

/// Makes a user, group or role of the name and path that were given.
///
/// # Errors
/// `EntityAlreadyExists`, `LimitExceeded`.
pub async fn make(
    request: &ActionRequest,
    kind: IdentityKind,
    details: IdentityDetails,
) -> Result<crate::domain::IamIdentity, IamError> {
    let name = request.args.name(crate::s3::iam::action::parameter(kind), kind)?;
    let new = NewIdentity {
        account: request.caller.user.id,
        kind,
        unique_id: unique_id(kind.id_prefix(), request),
        name: name.clone(),
        path: request.args.path()?,
        details,
    };
    match request.state.metadata.create_identity(new).await? {
        CreateIdentity::Created(identity) => Ok(identity),
        CreateIdentity::NameTaken => Err(IamError::exists(title(kind), name.as_str())),
        CreateIdentity::TooMany => Err(IamError::limit(&format!("{}sPerAccount", title(kind)), kind.quota())),
        CreateIdentity::NoSuchAccount => Err(IamError::no_such("The account was removed")),
    }
}

/// `User`, `Group`, `Role`.
pub fn title(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::User => "User",
        IdentityKind::Group => "Group",
        IdentityKind::Role => "Role",
    }
}

async fn get(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let mut writer = XmlWriter::fragment();
    writer.open("User");
    let is_role = request.identity.as_ref().is_some_and(|identity| identity.kind != USER);
    if is_role {
        return Err(IamError::validation("Must specify userName when calling with non-User credentials"));
    }
    if request.args.get("UserName").is_some() || request.identity.is_some() {
        show::identity(&mut writer, request.identity(USER)?, true);
    } else {
        let account = &request.caller.user;
        writer.text("Path", "/").text("UserName", &account.name).text("UserId", &account.id.account_number());
        writer.text("Arn", &request.caller.arn()).plain("CreateDate", xml_time(account.created_at));
    }
    writer.close("User");
    Ok(writer)
}

async fn update(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let user = request.identity(USER)?;
    rename(&request, user, "NewUserName").await?;
    Ok(XmlWriter::fragment())
}

/// Gives a user or group another name or path.
///
/// # Errors
/// `EntityAlreadyExists`.
pub async fn rename(
    request: &ActionRequest,
    identity: &crate::domain::IamIdentity,
    parameter: &str,
) -> Result<(), IamError> {
    let name = request.args.get(parameter).map(|_| request.args.name(parameter, identity.kind)).transpose()?;
    let path = request.args.parsed("NewPath")?;
    let shown = name.clone();
    match request.state.metadata.update_identity(identity.id, IdentityEdit::Move { name, path }).await? {
        UpdateIdentity::Changed(_) | UpdateIdentity::TooManyTags => Ok(()),
        UpdateIdentity::NameTaken => {
            Err(IamError::exists(title(identity.kind), shown.as_ref().map_or("", crate::domain::IamName::as_str)))
        }
        UpdateIdentity::NoSuchIdentity => Err(IamError::missing(identity.kind.word(), identity.name.as_str())),
    }
}

async fn delete(request: ActionRequest) -> Result<XmlWriter, IamError> {
    remove(&request, USER).await
}

/// Deletes a user, group or role that holds nothing.
///
/// # Errors
/// `NoSuchEntity`, `DeleteConflict`.
pub async fn remove(request: &ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    let identity = request.identity(kind)?;
    match request.state.metadata.delete_identity(identity.id).await? {
        DeleteIdentity::Deleted => Ok(XmlWriter::fragment()),
        DeleteIdentity::NoSuchIdentity => Err(IamError::missing(kind.word(), identity.name.as_str())),
        DeleteIdentity::InUse(what) => Err(IamError::conflict(what)),
    }
}

async fn list(request: ActionRequest) -> Result<XmlWriter, IamError> {
    list_all(&request, USER, "Users").await
}

/// Lists users, groups or roles.
///
/// # Errors
/// `ValidationError`.
pub async fn list_all(request: &ActionRequest, kind: IdentityKind, name: &str) -> Result<XmlWriter, IamError> {
    let page = Page::of(&request.args)?;
    let query = IdentityQuery {
        account: request.caller.user.id,
        kind,
        path_prefix: request.args.path_prefix()?,
        after: page.after.clone(),
        limit: page.fetch_limit(),
    };
    let identities = request.state.metadata.list_identities(&query).await?;
    Ok(page.write(
        name,
        &identities,
        |identity| identity.name.folded(),
        |writer, identity| show::identity(writer, identity, false),
    ))
}
