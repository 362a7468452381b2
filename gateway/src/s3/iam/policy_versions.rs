//! The texts of managed policies.

use super::documents::check_identity;
use super::error::IamError;
use super::page::Page;
use super::policies::{LETTERS_MAX, missing, own};
use super::show;
use super::table::{About, Action, Ask, iam};
use crate::domain::{BuiltInPolicy, ManagedPolicyVersion, Timestamp};
use crate::metadata::{AddPolicyVersion, DeletePolicyVersion};
use crate::s3::encoding::xml_time;
use crate::s3::xml::XmlWriter;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let about = About::Policy;
    vec![
        iam("CreatePolicyVersion", about, &["PolicyArn", "PolicyDocument", "SetAsDefault"], create),
        iam("GetPolicyVersion", about, &["PolicyArn", "VersionId"], get),
        iam("ListPolicyVersions", about, &["PolicyArn", "Marker", "MaxItems"], list),
        iam("SetDefaultPolicyVersion", about, &["PolicyArn", "VersionId"], set_default),
        iam("DeletePolicyVersion", about, &["PolicyArn", "VersionId"], delete),
    ]
}

/// `v12`.
fn number(ask: &Ask) -> Result<u32, IamError> {
    let id = ask.args.need("VersionId")?;
    let number = id.strip_prefix('v').and_then(|digits| digits.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| IamError::invalid("VersionId", "must satisfy regular expression pattern: v[1-9][0-9]*"))
}

fn no_version(arn: &str, number: u32) -> IamError {
    let shown: String = arn.chars().take(256).collect();
    IamError::no_such(format!("Policy {shown} version v{number} does not exist or is not attachable."))
}

async fn create(ask: Ask) -> Result<XmlWriter, IamError> {
    let arn = own(&ask, "iam:CreatePolicyVersion")?;
    let (document, default) = (ask.args.need("PolicyDocument")?, ask.args.flag("SetAsDefault")?);
    check_identity(document, LETTERS_MAX)?;
    match ask.door.metadata.add_policy_version(ask.caller.user.id, &arn, document, default).await? {
        AddPolicyVersion::Added(version) => Ok(element(&version, false)),
        AddPolicyVersion::NoSuchPolicy => Err(missing(&arn)),
        AddPolicyVersion::TooMany => Err(IamError::limit("VersionsPerPolicy", 5)),
    }
}

fn element(version: &ManagedPolicyVersion, with_document: bool) -> XmlWriter {
    let mut writer = XmlWriter::fragment();
    writer.open("PolicyVersion");
    if with_document {
        show::document(&mut writer, "Document", &version.document);
    }
    describe(&mut writer, version);
    writer.close("PolicyVersion");
    writer
}

fn describe(writer: &mut XmlWriter, version: &ManagedPolicyVersion) {
    writer.text("VersionId", &format!("v{}", version.number)).plain("IsDefaultVersion", version.is_default);
    writer.plain("CreateDate", xml_time(version.created_at));
}

/// The texts of the policy that is asked for, the newest first.
async fn versions(ask: &Ask) -> Result<Vec<ManagedPolicyVersion>, IamError> {
    let arn = ask.args.need("PolicyArn")?;
    let versions = match BuiltInPolicy::of_arn(arn) {
        Some(policy) => vec![ManagedPolicyVersion {
            number: 1,
            is_default: true,
            document: policy.document.to_owned(),
            created_at: Timestamp::default(),
        }],
        None => ask.door.metadata.policy_versions(ask.caller.user.id, arn).await?,
    };
    if versions.is_empty() { Err(missing(arn)) } else { Ok(versions) }
}

async fn get(ask: Ask) -> Result<XmlWriter, IamError> {
    let number = number(&ask)?;
    let found = versions(&ask).await?.into_iter().find(|version| version.number == number);
    let version = found.ok_or_else(|| no_version(ask.args.get("PolicyArn").unwrap_or_default(), number))?;
    Ok(element(&version, true))
}

async fn list(ask: Ask) -> Result<XmlWriter, IamError> {
    let page = Page::of(&ask.args)?;
    let mut versions = versions(&ask).await?;
    if let Some(after) = page.after.strip_prefix('v').and_then(|digits| digits.parse::<u32>().ok()) {
        versions.retain(|version| version.number < after);
    }
    Ok(page.write("Versions", &versions, |version| format!("v{}", version.number), describe))
}

async fn set_default(ask: Ask) -> Result<XmlWriter, IamError> {
    let (arn, number) = (own(&ask, "iam:SetDefaultPolicyVersion")?, number(&ask)?);
    let there = ask.door.metadata.set_default_policy_version(ask.caller.user.id, &arn, number).await?;
    if there { Ok(XmlWriter::fragment()) } else { Err(no_version(&arn, number)) }
}

async fn delete(ask: Ask) -> Result<XmlWriter, IamError> {
    let (arn, number) = (own(&ask, "iam:DeletePolicyVersion")?, number(&ask)?);
    match ask.door.metadata.delete_policy_version(ask.caller.user.id, &arn, number).await? {
        DeletePolicyVersion::Deleted => Ok(XmlWriter::fragment()),
        DeletePolicyVersion::NoSuchVersion => Err(no_version(&arn, number)),
        DeletePolicyVersion::IsDefault => Err(IamError::conflict("it is the default version of its policy")),
    }
}
