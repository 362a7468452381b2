//! The texts of managed policies.

use crate::domain::{BuiltInPolicy, ManagedPolicyVersion, Timestamp};
use crate::metadata::{AddPolicyVersion, DeletePolicyVersion};
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::actions::policies::{LETTERS_MAX, missing, own};
use crate::s3::iam::documents::check_identity;
use crate::s3::iam::error::IamError;
use crate::s3::iam::page::Page;
use crate::s3::iam::show;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let resource = ActionResource::Policy;
    vec![
        iam("CreatePolicyVersion", resource, &["PolicyArn", "PolicyDocument", "SetAsDefault"], create),
        iam("GetPolicyVersion", resource, &["PolicyArn", "VersionId"], get),
        iam("ListPolicyVersions", resource, &["PolicyArn", "Marker", "MaxItems"], list),
        iam("SetDefaultPolicyVersion", resource, &["PolicyArn", "VersionId"], set_default),
        iam("DeletePolicyVersion", resource, &["PolicyArn", "VersionId"], delete),
    ]
}

/// `v12`.
fn number(request: &ActionRequest) -> Result<u32, IamError> {
    let id = request.args.need("VersionId")?;
    let number = id.strip_prefix('v').and_then(|digits| digits.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| IamError::invalid("VersionId", "must satisfy regular expression pattern: v[1-9][0-9]*"))
}

fn no_version(arn: &str, number: u32) -> IamError {
    let shown: String = arn.chars().take(256).collect();
    IamError::no_such(format!("Policy {shown} version v{number} does not exist or is not attachable."))
}

async fn create(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let arn = own(&request, "iam:CreatePolicyVersion")?;
    let (document, default) = (request.args.need("PolicyDocument")?, request.args.flag("SetAsDefault")?);
    check_identity(document, LETTERS_MAX)?;
    match request.state.metadata.add_policy_version(request.caller.user.id, &arn, document, default).await? {
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
async fn versions(request: &ActionRequest) -> Result<Vec<ManagedPolicyVersion>, IamError> {
    let arn = request.args.need("PolicyArn")?;
    let versions = match BuiltInPolicy::of_arn(arn) {
        Some(policy) => vec![ManagedPolicyVersion {
            number: 1,
            is_default: true,
            document: policy.document.to_owned(),
            created_at: Timestamp::default(),
        }],
        None => request.state.metadata.policy_versions(request.caller.user.id, arn).await?,
    };
    if versions.is_empty() { Err(missing(arn)) } else { Ok(versions) }
}

async fn get(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let number = number(&request)?;
    let found = versions(&request).await?.into_iter().find(|version| version.number == number);
    let version = found.ok_or_else(|| no_version(request.args.get("PolicyArn").unwrap_or_default(), number))?;
    Ok(element(&version, true))
}

async fn list(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let page = Page::of(&request.args)?;
    let mut versions = versions(&request).await?;
    if let Some(after) = page.after.strip_prefix('v').and_then(|digits| digits.parse::<u32>().ok()) {
        versions.retain(|version| version.number < after);
    }
    Ok(page.write("Versions", &versions, |version| format!("v{}", version.number), describe))
}

async fn set_default(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (arn, number) = (own(&request, "iam:SetDefaultPolicyVersion")?, number(&request)?);
    let there = request.state.metadata.set_default_policy_version(request.caller.user.id, &arn, number).await?;
    if there { Ok(XmlWriter::fragment()) } else { Err(no_version(&arn, number)) }
}

async fn delete(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (arn, number) = (own(&request, "iam:DeletePolicyVersion")?, number(&request)?);
    match request.state.metadata.delete_policy_version(request.caller.user.id, &arn, number).await? {
        DeletePolicyVersion::Deleted => Ok(XmlWriter::fragment()),
        DeletePolicyVersion::NoSuchVersion => Err(no_version(&arn, number)),
        DeletePolicyVersion::IsDefault => Err(IamError::conflict("it is the default version of its policy")),
    }
}
