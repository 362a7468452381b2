//! Roles: who may become what for a while.

use super::documents::check_trust;
use super::error::IamError;
use super::show;
use super::table::{About, Action, Ask, iam};
use super::tags::{TAGS_MAX, read_tags};
use super::users::{list_all, make, remove};
use crate::domain::{Holder, HolderDetails, HolderKind};
use crate::metadata::{ChangeHolder, HolderEdit};
use crate::s3::xml::XmlWriter;

const ROLE: HolderKind = HolderKind::Role;
/// The shortest and the longest of the longest sessions a role may have, in seconds.
const SESSION_SECONDS: (u32, u32) = (3_600, 43_200);

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let role = About::Holder(ROLE);
    let new = &["RoleName", "Path", "AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Tags"];
    vec![
        iam("CreateRole", About::NewHolder(ROLE), new, create),
        iam("GetRole", role, &["RoleName"], get),
        iam("UpdateRole", role, &["RoleName", "Description", "MaxSessionDuration"], update),
        iam("UpdateRoleDescription", role, &["RoleName", "Description"], describe),
        iam("DeleteRole", role, &["RoleName"], delete),
        iam("ListRoles", About::Account, &["PathPrefix", "Marker", "MaxItems"], list),
        iam("UpdateAssumeRolePolicy", role, &["RoleName", "PolicyDocument"], trust),
    ]
}

async fn create(ask: Ask) -> Result<XmlWriter, IamError> {
    let trust = ask.args.need("AssumeRolePolicyDocument")?;
    check_trust(trust)?;
    let details = HolderDetails {
        tags: read_tags(&ask.args, TAGS_MAX)?,
        trust: Some(trust.to_owned()),
        description: ask.args.text("Description", 1_000)?,
        session_seconds_max: ask.args.number("MaxSessionDuration", SESSION_SECONDS.0, SESSION_SECONDS.1)?,
    };
    Ok(element(&make(&ask, ROLE, details).await?))
}

fn element(role: &Holder) -> XmlWriter {
    let mut writer = XmlWriter::fragment();
    writer.open("Role");
    show::holder(&mut writer, role, true);
    writer.close("Role");
    writer
}

async fn get(ask: Ask) -> Result<XmlWriter, IamError> {
    Ok(element(ask.holder(ROLE)?))
}

async fn update(ask: Ask) -> Result<XmlWriter, IamError> {
    change(&ask).await?;
    Ok(XmlWriter::fragment())
}

async fn describe(ask: Ask) -> Result<XmlWriter, IamError> {
    ask.args.get("Description").ok_or_else(|| IamError::invalid("Description", "must not be null"))?;
    Ok(element(&change(&ask).await?))
}

async fn change(ask: &Ask) -> Result<Holder, IamError> {
    let edit = HolderEdit::Describe {
        description: ask.args.text("Description", 1_000)?,
        session_seconds_max: ask.args.number("MaxSessionDuration", SESSION_SECONDS.0, SESSION_SECONDS.1)?,
    };
    edit_role(ask, edit).await
}

async fn edit_role(ask: &Ask, edit: HolderEdit) -> Result<Holder, IamError> {
    let role = ask.holder(ROLE)?;
    match ask.door.metadata.change_holder(role.id, edit).await? {
        ChangeHolder::Changed(role) => Ok(role),
        ChangeHolder::NameTaken | ChangeHolder::NoSuchHolder | ChangeHolder::TooManyTags => {
            Err(IamError::missing("role", role.name.as_str()))
        }
    }
}

async fn delete(ask: Ask) -> Result<XmlWriter, IamError> {
    remove(&ask, ROLE).await
}

async fn list(ask: Ask) -> Result<XmlWriter, IamError> {
    list_all(&ask, ROLE, "Roles").await
}

async fn trust(ask: Ask) -> Result<XmlWriter, IamError> {
    let document = ask.args.need("PolicyDocument")?;
    check_trust(document)?;
    edit_role(&ask, HolderEdit::Trust(document.to_owned())).await?;
    Ok(XmlWriter::fragment())
}
