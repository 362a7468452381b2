//! Roles.

use crate::domain::{IamIdentity, IdentityDetails, IdentityKind, ROLE_SESSION_SECONDS_MAX};
use crate::metadata::{IdentityEdit, UpdateIdentity};
use crate::s3::authz::principals;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::actions::tags::{TAGS_MAX, read_tags};
use crate::s3::iam::actions::users::{list_all, make, remove};
use crate::s3::iam::documents::check_trust;
use crate::s3::iam::error::IamError;
use crate::s3::iam::show;

const ROLE: IdentityKind = IdentityKind::Role;
/// The least that a role can let its sessions last, in seconds.
const SESSION_SECONDS_MIN: u32 = 3_600;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let role = ActionResource::IamIdentity(ROLE);
    let new = &["RoleName", "Path", "AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Tags"];
    vec![
        iam("CreateRole", ActionResource::NewIdentity(ROLE), new, create),
        iam("GetRole", role, &["RoleName"], get),
        iam("UpdateRole", role, &["RoleName", "Description", "MaxSessionDuration"], update),
        iam("UpdateRoleDescription", role, &["RoleName", "Description"], describe),
        iam("DeleteRole", role, &["RoleName"], delete),
        iam("ListRoles", ActionResource::Account, &["PathPrefix", "Marker", "MaxItems"], list),
        iam("ListInstanceProfilesForRole", role, &["RoleName", "Marker", "MaxItems"], instance_profiles),
        iam("UpdateAssumeRolePolicy", role, &["RoleName", "PolicyDocument"], trust),
    ]
}

async fn create(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let trust = request.args.need("AssumeRolePolicyDocument")?;
    let trusted = principals::pin(&request.state.metadata, &check_trust(trust)?).await?;
    let details = IdentityDetails {
        tags: read_tags(&request.args, TAGS_MAX)?,
        trust: Some(trust.to_owned()),
        trusted,
        description: request.args.text("Description", 1_000)?,
        session_seconds_max: request.args.number(
            "MaxSessionDuration",
            SESSION_SECONDS_MIN,
            ROLE_SESSION_SECONDS_MAX,
        )?,
    };
    element(&request, make(&request, ROLE, details).await?).await
}

async fn element(request: &ActionRequest, role: IamIdentity) -> Result<XmlWriter, IamError> {
    let roles = principals::with_shown_trust(&request.state.metadata, vec![role]).await?;
    let mut writer = XmlWriter::fragment();
    writer.open("Role");
    roles.iter().for_each(|role| show::identity(&mut writer, role, true));
    writer.close("Role");
    Ok(writer)
}

async fn get(request: ActionRequest) -> Result<XmlWriter, IamError> {
    element(&request, request.identity(ROLE)?.clone()).await
}

async fn update(request: ActionRequest) -> Result<XmlWriter, IamError> {
    change(&request).await?;
    Ok(XmlWriter::fragment())
}

async fn describe(request: ActionRequest) -> Result<XmlWriter, IamError> {
    request.args.get("Description").ok_or_else(|| IamError::invalid("Description", "must not be null"))?;
    element(&request, change(&request).await?).await
}

async fn change(request: &ActionRequest) -> Result<IamIdentity, IamError> {
    let edit = IdentityEdit::Describe {
        description: request.args.text("Description", 1_000)?,
        session_seconds_max: request.args.number(
            "MaxSessionDuration",
            SESSION_SECONDS_MIN,
            ROLE_SESSION_SECONDS_MAX,
        )?,
    };
    edit_role(request, edit).await
}

async fn edit_role(request: &ActionRequest, edit: IdentityEdit) -> Result<IamIdentity, IamError> {
    let role = request.identity(ROLE)?;
    match request.state.metadata.update_identity(role.id, edit).await? {
        UpdateIdentity::Changed(role) => Ok(role),
        UpdateIdentity::NameTaken | UpdateIdentity::NoSuchIdentity | UpdateIdentity::TooManyTags => {
            Err(IamError::missing("role", role.name.as_str()))
        }
    }
}

async fn delete(request: ActionRequest) -> Result<XmlWriter, IamError> {
    remove(&request, ROLE).await
}

async fn list(request: ActionRequest) -> Result<XmlWriter, IamError> {
    list_all(&request, ROLE, "Roles").await
}

/// There are no machines here that a role could be given to. Terraform asks before it deletes one.
async fn instance_profiles(request: ActionRequest) -> Result<XmlWriter, IamError> {
    request.identity(ROLE)?;
    let mut writer = XmlWriter::fragment();
    writer.open("InstanceProfiles").close("InstanceProfiles").plain("IsTruncated", false);
    Ok(writer)
}

async fn trust(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let document = request.args.need("PolicyDocument")?;
    let trusted = principals::pin(&request.state.metadata, &check_trust(document)?).await?;
    edit_role(&request, IdentityEdit::Trust(document.to_owned(), trusted)).await?;
    Ok(XmlWriter::fragment())
}
