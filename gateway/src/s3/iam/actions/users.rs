//! `CreateUser`, `GetUser`, `UpdateUser`, `DeleteUser`, `ListUsers`.

use crate::domain::{IamIdentity, IamName, IamPath, IdentityDetails, IdentityKind, iam_arn};
use crate::metadata::{CreateIdentity, DeleteIdentity, IdentityEdit, IdentityQuery, NewIdentity, UpdateIdentity};
use crate::s3::authz::principals;
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::actions::tags::{TAGS_MAX, read_tags};
use crate::s3::iam::authorize::allows;
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
) -> Result<IamIdentity, IamError> {
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
/// `AccessDenied` for the new name, `EntityAlreadyExists`.
pub async fn rename(request: &ActionRequest, identity: &IamIdentity, parameter: &str) -> Result<(), IamError> {
    let name = request.args.get(parameter).map(|_| request.args.name(parameter, identity.kind)).transpose()?;
    let path = request.args.parsed("NewPath")?;
    require_new(request, identity, name.as_ref(), path.as_ref())?;
    let shown = name.clone();
    match request.state.metadata.update_identity(identity.id, IdentityEdit::Move { name, path }).await? {
        UpdateIdentity::Changed(_) | UpdateIdentity::TooManyTags => Ok(()),
        UpdateIdentity::NameTaken => {
            Err(IamError::exists(title(identity.kind), shown.as_ref().map_or("", IamName::as_str)))
        }
        UpdateIdentity::NoSuchIdentity => Err(IamError::missing(identity.kind.word(), identity.name.as_str())),
    }
}

/// Goes on only if the caller may do this to what it will be called, too: a policy that is about some names would else
/// give all others.
fn require_new(
    request: &ActionRequest,
    identity: &IamIdentity,
    name: Option<&IamName>,
    path: Option<&IamPath>,
) -> Result<(), IamError> {
    let (name, path) = (name.unwrap_or(&identity.name), path.unwrap_or(&identity.path));
    let arn = iam_arn(identity.account, identity.kind.word(), path, name.as_str());
    let permission = format!("iam:Update{}", title(identity.kind));
    if allows(request, &permission, &arn) {
        return Ok(());
    }
    Err(IamError::denied(&request.caller.arn(), &permission, &arn))
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
    let identities = principals::with_shown_trust(&request.state.metadata, identities).await?;
    Ok(page.write(
        name,
        &identities,
        |identity| identity.name.folded(),
        |writer, identity| show::identity(writer, identity, false),
    ))
}
