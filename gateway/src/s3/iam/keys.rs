//! `CreateAccessKey`, `UpdateAccessKey`, `DeleteAccessKey`, `ListAccessKeys`, `GetAccessKeyLastUsed`.

use super::error::IamError;
use super::page::Page;
use super::table::{About, Action, Ask, iam};
use crate::domain::HolderKind;
use crate::metadata::{AddKey, KeyOwner, KeyRow};
use crate::s3::encoding::xml_time;
use crate::s3::xml::XmlWriter;

/// The most access keys of an account or user.
const KEYS_MAX: usize = 2;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let about = About::UserOrCaller;
    vec![
        iam("CreateAccessKey", about, &["UserName"], create),
        iam("UpdateAccessKey", about, &["UserName", "AccessKeyId", "Status"], update),
        iam("DeleteAccessKey", about, &["UserName", "AccessKeyId"], delete),
        iam("ListAccessKeys", about, &["UserName", "Marker", "MaxItems"], list),
        iam("GetAccessKeyLastUsed", About::Account, &["AccessKeyId"], last_used),
    ]
}

/// Whose keys, and the name to show.
fn owner(ask: &Ask) -> Result<(KeyOwner, String), IamError> {
    if ask.args.get("UserName").is_none() && ask.holder.is_none() {
        let account = &ask.caller.user;
        return Ok((KeyOwner::Account(account.id), account.name.clone()));
    }
    let user = ask.holder(HolderKind::User)?;
    if user.kind != HolderKind::User {
        return Err(IamError::validation("Must specify userName when calling with non-User credentials"));
    }
    Ok((KeyOwner::User(user.id), user.name.to_string()))
}

/// Whose keys, when they are to be changed: not those of the root user, which the operator's configuration decides.
fn changeable_owner(ask: &Ask) -> Result<(KeyOwner, String), IamError> {
    let (owner, name) = owner(ask)?;
    if ask.caller.user.root && matches!(owner, KeyOwner::Account(_)) {
        return Err(IamError::unmodifiable("The root user's access key comes from the gateway's configuration"));
    }
    Ok((owner, name))
}

async fn create(ask: Ask) -> Result<XmlWriter, IamError> {
    let (owner, name) = changeable_owner(&ask)?;
    let drawn = ask.door.verifier.keys().draw();
    let key = match ask.door.metadata.add_key(owner, &drawn.id, &drawn.sealed_secret, KEYS_MAX).await? {
        AddKey::Added(key) => key,
        AddKey::NoSuchOwner => return Err(IamError::missing("user", &name)),
        AddKey::TooMany => return Err(IamError::limit("AccessKeysPerUser", KEYS_MAX)),
        // 80 random bits that somebody has already: try again.
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

async fn update(ask: Ask) -> Result<XmlWriter, IamError> {
    let (owner, _) = changeable_owner(&ask)?;
    let id = ask.args.need("AccessKeyId")?;
    let active = match ask.args.need("Status")? {
        "Active" => true,
        "Inactive" => false,
        _ => return Err(IamError::invalid("Status", "must satisfy enum value set: [Active, Inactive]")),
    };
    if ask.door.metadata.set_key_active(owner, id, active).await? {
        Ok(XmlWriter::fragment())
    } else {
        Err(missing(id))
    }
}

async fn delete(ask: Ask) -> Result<XmlWriter, IamError> {
    let (owner, _) = changeable_owner(&ask)?;
    let id = ask.args.need("AccessKeyId")?;
    if ask.door.metadata.delete_key(owner, id).await? { Ok(XmlWriter::fragment()) } else { Err(missing(id)) }
}

fn missing(id: &str) -> IamError {
    let shown: String = id.chars().take(128).collect();
    IamError::no_such(format!("The Access Key with id {shown} cannot be found."))
}

async fn list(ask: Ask) -> Result<XmlWriter, IamError> {
    let (owner, name) = owner(&ask)?;
    let page = Page::of(&ask.args)?;
    let mut keys = ask.door.metadata.keys(owner).await?;
    keys.retain(|key| key.id > page.after);
    let mut writer =
        page.write("AccessKeyMetadata", &keys, |key| key.id.clone(), |writer, key| show(writer, &name, key));
    writer.text("UserName", &name);
    Ok(writer)
}

async fn last_used(ask: Ask) -> Result<XmlWriter, IamError> {
    let id = ask.args.need("AccessKeyId")?;
    let found = ask.door.metadata.key_use(id).await?.filter(|used| used.account == ask.caller.user.id);
    let used = found.ok_or_else(|| missing(id))?;
    let mut writer = XmlWriter::fragment();
    writer.text("UserName", used.user.as_deref().unwrap_or(&ask.caller.user.name)).open("AccessKeyLastUsed");
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
