//! `CreateAccessKey`, `UpdateAccessKey`, `DeleteAccessKey`, `ListAccessKeys`, `GetAccessKeyLastUsed`.

use crate::domain::IdentityKind;
use crate::metadata::{AddKey, KeyOwner, KeyRow};
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::error::IamError;
use crate::s3::iam::page::Page;

/// The most access keys of an account or user.
const KEYS_MAX: usize = 2;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let resource = ActionResource::UserOrCaller;
    vec![
        iam("CreateAccessKey", resource, &["UserName"], create),
        iam("UpdateAccessKey", resource, &["UserName", "AccessKeyId", "Status"], update),
        iam("DeleteAccessKey", resource, &["UserName", "AccessKeyId"], delete),
        iam("ListAccessKeys", resource, &["UserName", "Marker", "MaxItems"], list),
        iam("GetAccessKeyLastUsed", ActionResource::Account, &["AccessKeyId"], last_used),
    ]
}

/// Whose keys, and the name to show.
fn owner(request: &ActionRequest) -> Result<(KeyOwner, String), IamError> {
    if request.args.get("UserName").is_none() && request.identity.is_none() {
        let account = &request.caller.user;
        return Ok((KeyOwner::Account(account.id), account.name.clone()));
    }
    let user = request.identity(IdentityKind::User)?;
    if user.kind != IdentityKind::User {
        return Err(IamError::validation("Must specify userName when calling with non-User credentials"));
    }
    Ok((KeyOwner::User(user.id), user.name.to_string()))
}

/// Whose keys, when they are to be changed: not those of the root user, which the operator's configuration decides.
fn changeable_owner(request: &ActionRequest) -> Result<(KeyOwner, String), IamError> {
    let (owner, name) = owner(request)?;
    if request.caller.user.root && matches!(owner, KeyOwner::Account(_)) {
        return Err(IamError::unmodifiable("The root user's access key comes from the gateway's configuration"));
    }
    Ok((owner, name))
}

async fn create(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (owner, name) = changeable_owner(&request)?;
    let drawn = request.state.verifier.keys().draw();
    let key = match request.state.metadata.add_key(owner, &drawn.id, &drawn.sealed_secret, KEYS_MAX).await? {
        AddKey::Added(key) => key,
        AddKey::NoSuchOwner => return Err(IamError::missing("user", &name)),
        AddKey::TooMany => return Err(IamError::limit("AccessKeysPerUser", KEYS_MAX)),
        // 80 random bits collided with an existing key: try again.
        AddKey::IdTaken => return Err(IamError::validation("The drawn access key is taken; please try again")),
    };
    let mut writer = XmlWriter::fragment();
    writer.open("AccessKey");
    show(&mut writer, &name, &key);
    writer.text("SecretAccessKey", &drawn.secret).close("AccessKey");
    Ok(writer)
}

fn show(writer: &mut XmlWriter, name: &str, key: &KeyRow) {
    writer.text("UserName", name).text("AccessKeyId", &key.id);
    writer.text("Status", if key.active { "Active" } else { "Inactive" });
    writer.plain("CreateDate", xml_time(key.created_at));
}

async fn update(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (owner, _) = changeable_owner(&request)?;
    let id = request.args.need("AccessKeyId")?;
    let active = match request.args.need("Status")? {
        "Active" => true,
        "Inactive" => false,
        _ => return Err(IamError::invalid("Status", "must satisfy enum value set: [Active, Inactive]")),
    };
    if request.state.metadata.set_key_active(owner, id, active).await? {
        Ok(XmlWriter::fragment())
    } else {
        Err(missing(id))
    }
}

async fn delete(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (owner, _) = changeable_owner(&request)?;
    let id = request.args.need("AccessKeyId")?;
    if request.state.metadata.delete_key(owner, id).await? { Ok(XmlWriter::fragment()) } else { Err(missing(id)) }
}

fn missing(id: &str) -> IamError {
    let shown: String = id.chars().take(128).collect();
    IamError::no_such(format!("The Access Key with id {shown} cannot be found."))
}

async fn list(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (owner, name) = owner(&request)?;
    let page = Page::of(&request.args)?;
    let mut keys = request.state.metadata.keys(owner).await?;
    keys.retain(|key| key.id > page.after);
    let mut writer =
        page.write("AccessKeyMetadata", &keys, |key| key.id.clone(), |writer, key| show(writer, &name, key));
    writer.text("UserName", &name);
    Ok(writer)
}

async fn last_used(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let id = request.args.need("AccessKeyId")?;
    let found = request.state.metadata.key_use(id).await?.filter(|used| used.account == request.caller.user.id);
    let used = found.ok_or_else(|| missing(id))?;
    let mut writer = XmlWriter::fragment();
    writer.text("UserName", used.user.as_deref().unwrap_or(&request.caller.user.name)).open("AccessKeyLastUsed");
    match &used.last {
        Some((at, service, region)) => {
            writer.plain("LastUsedDate", xml_time(*at)).text("ServiceName", service).text("Region", region);
        }
        None => {
            writer.text("ServiceName", "N/A").text("Region", "N/A");
        }
    }
    writer.close("AccessKeyLastUsed");
    Ok(writer)
}
