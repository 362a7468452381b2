//! Groups and who is in them.

use super::error::IamError;
use super::names::lookup;
use super::page::Page;
use super::show;
use super::table::{About, Action, Ask, iam};
use super::users::{list_all, make, remove, rename};
use crate::domain::{Holder, HolderDetails, HolderKind};
use crate::metadata::JoinGroup;
use crate::s3::xml::XmlWriter;

const GROUP: HolderKind = HolderKind::Group;
const USER: HolderKind = HolderKind::User;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let group = About::Holder(GROUP);
    vec![
        iam("CreateGroup", About::NewHolder(GROUP), &["GroupName", "Path"], create),
        iam("GetGroup", group, &["GroupName", "Marker", "MaxItems"], get),
        iam("UpdateGroup", group, &["GroupName", "NewGroupName", "NewPath"], update),
        iam("DeleteGroup", group, &["GroupName"], delete),
        iam("ListGroups", About::Account, &["PathPrefix", "Marker", "MaxItems"], list),
        iam("AddUserToGroup", group, &["GroupName", "UserName"], add_user),
        iam("RemoveUserFromGroup", group, &["GroupName", "UserName"], remove_user),
        iam("ListGroupsForUser", About::Holder(USER), &["UserName", "Marker", "MaxItems"], of_user),
    ]
}

async fn create(ask: Ask) -> Result<XmlWriter, IamError> {
    let group = make(&ask, GROUP, HolderDetails::default()).await?;
    Ok(element(XmlWriter::fragment(), &group))
}

fn element(mut writer: XmlWriter, group: &Holder) -> XmlWriter {
    writer.open("Group");
    show::holder(&mut writer, group, false);
    writer.close("Group");
    writer
}

async fn get(ask: Ask) -> Result<XmlWriter, IamError> {
    let (group, page) = (ask.holder(GROUP)?, Page::of(&ask.args)?);
    let users = ask.door.metadata.users_of_group(group.id, &page.after, page.asked()).await?;
    let listed =
        page.write("Users", &users, |user| user.name.folded(), |writer, user| show::holder(writer, user, false));
    Ok(element(listed, group))
}

async fn update(ask: Ask) -> Result<XmlWriter, IamError> {
    rename(&ask, ask.holder(GROUP)?, "NewGroupName").await?;
    Ok(XmlWriter::fragment())
}

async fn delete(ask: Ask) -> Result<XmlWriter, IamError> {
    remove(&ask, GROUP).await
}

async fn list(ask: Ask) -> Result<XmlWriter, IamError> {
    list_all(&ask, GROUP, "Groups").await
}

/// The user whom the action names besides the group.
async fn user(ask: &Ask) -> Result<Holder, IamError> {
    let name = ask.args.name("UserName", USER)?;
    lookup(ask, USER, &name).await?.ok_or_else(|| IamError::missing("user", name.as_str()))
}

async fn add_user(ask: Ask) -> Result<XmlWriter, IamError> {
    let (group, user) = (ask.holder(GROUP)?, user(&ask).await?);
    match ask.door.metadata.join_group(user.id, group.id).await? {
        JoinGroup::Joined => Ok(XmlWriter::fragment()),
        JoinGroup::NoSuchHolder => Err(IamError::missing("user", user.name.as_str())),
        JoinGroup::TooMany => Err(IamError::limit("GroupsPerUser", 10)),
    }
}

async fn remove_user(ask: Ask) -> Result<XmlWriter, IamError> {
    let (group, user) = (ask.holder(GROUP)?, user(&ask).await?);
    if ask.door.metadata.leave_group(user.id, group.id).await? {
        return Ok(XmlWriter::fragment());
    }
    Err(IamError::no_such(format!("User {} is not in group {}", user.name, group.name)))
}

async fn of_user(ask: Ask) -> Result<XmlWriter, IamError> {
    let (user, page) = (ask.holder(USER)?, Page::of(&ask.args)?);
    let groups = ask.door.metadata.groups_of_user(user.id, &page.after, page.asked()).await?;
    let write = |writer: &mut XmlWriter, group: &Holder| show::holder(writer, group, false);
    Ok(page.write("Groups", &groups, |group| group.name.folded(), write))
}
