//! STS: temporary credentials and `GetCallerIdentity`.

use crate::domain::{
    IamIdentity, IamName, IdentityKind, ROLE_SESSION_SECONDS_DEFAULT, ROLE_SESSION_SECONDS_MAX, Timestamp, UserId,
};
use crate::policy::{AuthorizationRequest, Document, is_denied, may_assume_role};
use crate::s3::auth::{NewSession, TemporaryKey};
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, sts};
use crate::s3::iam::authorize::condition_value;
use crate::s3::iam::documents::check_identity;
use crate::s3::iam::error::IamError;

/// The longest policy of a session, in letters that are not white space.
const SESSION_POLICY_LETTERS_MAX: usize = 2_048;
/// The longest trust policy that is read back, in bytes.
const TRUST_BYTES_MAX: usize = 64 << 10;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let role = &["RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId"];
    vec![
        sts("GetCallerIdentity", &[], identity),
        sts("GetSessionToken", &["DurationSeconds"], session_token),
        sts("AssumeRole", role, assume_role),
    ]
}

async fn identity(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let caller = &request.caller;
    let mut writer = XmlWriter::fragment();
    writer.text("Arn", &caller.arn()).text("UserId", &caller.unique_id());
    writer.text("Account", &caller.user.id.account_number());
    Ok(writer)
}

async fn session_token(request: ActionRequest) -> Result<XmlWriter, IamError> {
    // No policy needs to allow it, and any may deny: the account's own, too.
    if request.caller.session.is_some() || asked(&request, "sts:GetSessionToken", "*", is_denied) {
        return Err(IamError::denied(&request.caller.arn(), "sts:GetSessionToken", "*"));
    }
    let seconds = request.args.number("DurationSeconds", 900, 129_600)?;
    // The account's own keys are too strong for long sessions.
    let most = if request.caller.principal_policies.is_some() { 129_600 } else { 3_600 };
    let seconds = seconds.unwrap_or(43_200).min(most);
    let session = NewSession { role: None, policy: None, seconds };
    let mut writer = XmlWriter::fragment();
    credentials(&mut writer, &request.state.verifier.keys().draw_temporary(&request.caller, &session));
    Ok(writer)
}

async fn assume_role(request: ActionRequest) -> Result<XmlWriter, IamError> {
    let (arn, name) = (request.args.need("RoleArn")?, request.args.need("RoleSessionName")?);
    if !(2..=64).contains(&name.len()) || name.parse::<IamName>().is_err() {
        return Err(IamError::invalid("RoleSessionName", "must be 2 to 64 of A-Z, a-z, 0-9 and _+=,.@-"));
    }
    let policy = request.args.get("Policy").map(str::to_owned);
    if let Some(policy) = &policy {
        check_identity(policy, SESSION_POLICY_LETTERS_MAX)?;
    }
    let denied = || IamError::denied(&request.caller.arn(), "sts:AssumeRole", arn);
    // Whether there is such a role is visible only to those who may assume it.
    let role = role(&request, arn).await?.ok_or_else(denied)?;
    if !may_assume(&request, &role, arn) {
        return Err(denied());
    }
    let seconds = duration(&request, &role)?;
    let session = NewSession { role: Some((role.unique_id.clone(), name.to_owned())), policy, seconds };
    let mut writer = XmlWriter::fragment();
    credentials(&mut writer, &request.state.verifier.keys().draw_temporary(&request.caller, &session));
    let number = role.account.account_number();
    writer.open("AssumedRoleUser").text("AssumedRoleId", &format!("{}:{name}", role.unique_id));
    writer.text("Arn", &format!("arn:aws:sts::{number}:assumed-role/{}/{name}", role.name)).close("AssumedRoleUser");
    Ok(writer)
}

/// The role of an ARN, in whatever account it is.
async fn role(request: &ActionRequest, arn: &str) -> Result<Option<IamIdentity>, IamError> {
    let Some((number, path)) = arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":role/")) else {
        return Err(IamError::invalid("RoleArn", "must be the ARN of a role"));
    };
    let (account, name) = (number.parse::<i64>(), path.rsplit('/').next().unwrap_or_default().parse::<IamName>());
    let (Ok(account), Ok(name)) = (account, name) else { return Ok(None) };
    let found = request.state.metadata.identity(UserId(account), IdentityKind::Role, &name).await?;
    // The path and the letters' case are part of it.
    Ok(found.filter(|role| role.arn() == arn))
}

/// Whether the role's trust policy and the caller's account allow assuming it.
fn may_assume(request: &ActionRequest, role: &IamIdentity, arn: &str) -> bool {
    let text = role.details.trust.as_deref().unwrap_or_default();
    // What cannot be read trusts nobody.
    let Ok(trust) = Document::parse(text, TRUST_BYTES_MAX) else { return false };
    let trust = trust.pinned(&role.details.trusted);
    asked(request, "sts:AssumeRole", arn, |asked| may_assume_role(asked, &trust, role.account))
}

/// Asks a question about the caller, an action and what it is done to.
fn asked<T>(
    request: &ActionRequest,
    action: &str,
    resource: &str,
    question: impl FnOnce(&AuthorizationRequest<'_>) -> T,
) -> T {
    let keys = |key: &str| condition_value(request, key);
    let caller = Some(request.caller.principal());
    question(&AuthorizationRequest { caller, action, resource, keys: &keys })
}

/// How long the session lasts. A session that begins another may not stretch it.
fn duration(request: &ActionRequest, role: &IamIdentity) -> Result<u32, IamError> {
    let longest = role.details.session_seconds_max.unwrap_or(ROLE_SESSION_SECONDS_DEFAULT);
    let seconds =
        request.args.number("DurationSeconds", 900, ROLE_SESSION_SECONDS_MAX)?.unwrap_or(ROLE_SESSION_SECONDS_DEFAULT);
    if seconds > longest {
        let why = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(IamError::validation(why));
    }
    if request.caller.session.is_some() && seconds > ROLE_SESSION_SECONDS_DEFAULT {
        let why = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(IamError::validation(why));
    }
    Ok(seconds)
}

fn credentials(writer: &mut XmlWriter, key: &TemporaryKey) {
    writer.open("Credentials").text("AccessKeyId", &key.id).text("SecretAccessKey", &key.secret);
    writer.text("SessionToken", &key.token);
    let expires_at = Timestamp::default().plus_seconds(key.expires_at);
    writer.plain("Expiration", xml_time(expires_at)).close("Credentials");
}
