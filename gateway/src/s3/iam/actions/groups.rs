//! Groups and who is in them.

use crate::domain::{IamIdentity, IdentityDetails, IdentityKind};
use crate::metadata::JoinGroup;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::actions::users::{list_all, make, remove, rename};
use crate::s3::iam::error::IamError;
use crate::s3::iam::names::lookup;
use crate::s3::iam::page::Page;
use crate::s3::iam::show;

const GROUP: IdentityKind = IdentityKind::Group;
const USER: IdentityKind = IdentityKind::User;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let group = ActionResource::IamIdentity(GROUP);
    vec![
        iam("CreateGroup", ActionResource::NewIdentity(GROUP), &["GroupName", "Path"], create),
        iam("GetGroup", group, &["GroupName", "Marker", "MaxItems"], get),
        iam("UpdateGroup", group, &["GroupName", "NewGroupName", "NewPath"], update),
        iam("DeleteGroup", group, &["GroupName"], delete),
        iam("ListGroups", ActionResource::Account, &["PathPrefix", "Marker", "MaxItems"], list),
        iam("AddUserToGroup", group, &["GroupName", "UserName"], add_user),
        iam("RemoveUserFromGroup", group, &["GroupName", "UserName"], remove_user),
        iam("ListGroupsForUser", ActionResource::IamIdentity(USER), &["UserName", "Marker", "MaxItems"], of_user),
    ]
}

async fn create(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let group = make(&request, GROUP, IdentityDetails::default()).await?;
    Ok(element(XmlWriter::fragment(), &group))
}

fn element(mut writer: XmlWriter, group: &IamIdentity) -> XmlWriter {
    writer.open("Group");
    show::identity(&mut writer, group, false);
    writer.close("Group");
    writer
}

async fn get(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (group, page) = (request.identity(GROUP)?, Page::of(&request.args)?);
    let users = request.state.metadata.users_of_group(group.id, &page.after, page.fetch_limit()).await?;
    let listed =
        page.write("Users", &users, |user| user.name.folded(), |writer, user| show::identity(writer, user, false));
    Ok(element(listed, group))
}

async fn update(request: ActionRequest) -> Result<XmlWriter, IamError> {
    rename(&request, request.identity(GROUP)?, "NewGroupName").await?;
    Ok(XmlWriter::fragment())
}

async fn delete(request: ActionRequest) -> Result<XmlWriter, IamError> {
    remove(&request, GROUP).await
}

async fn list(request: ActionRequest) -> Result<XmlWriter, IamError> {
    list_all(&request, GROUP, "Groups").await
}

/// The user that the action names besides the group.
async fn user(request: &ActionRequest) -> Result<IamIdentity, IamError> {
    let name = request.args.name("UserName", USER)?;
    lookup(request, USER, &name).await?.ok_or_else(|| IamError::missing("user", name.as_str()))
}

async fn add_user(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (group, user) = (request.identity(GROUP)?, user(&request).await?);
    match request.state.metadata.join_group(user.id, group.id).await? {
        JoinGroup::Joined => Ok(XmlWriter::fragment()),
        JoinGroup::NoSuchIdentity => Err(IamError::missing("user", user.name.as_str())),
        JoinGroup::TooMany => Err(IamError::limit("GroupsPerUser", 10)),
    }
}

async fn remove_user(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (group, user) = (request.identity(GROUP)?, user(&request).await?);
    if request.state.metadata.leave_group(user.id, group.id).await? {
        return Ok(XmlWriter::fragment());
    }
    Err(IamError::no_such(format!("User {} is not in group {}", user.name, group.name)))
}

async fn of_user(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (user, page) = (request.identity(USER)?, Page::of(&request.args)?);
    let groups = request.state.metadata.groups_of_user(user.id, &page.after, page.fetch_limit()).await?;
    let write = |writer: &mut XmlWriter, group: &IamIdentity| show::identity(writer, group, false);
    Ok(page.write("Groups", &groups, |group| group.name.folded(), write))
}
