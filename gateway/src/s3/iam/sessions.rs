//! Temporary credentials, and who one is.

use super::error::IamError;
use super::table::{Action, Ask, sts};
use crate::domain::Timestamp;
use crate::s3::auth::{NewSession, TemporaryKey};
use crate::s3::encoding::xml_time;
use crate::s3::xml::XmlWriter;

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    vec![sts("GetCallerIdentity", &[], identity), sts("GetSessionToken", &["DurationSeconds"], session_token)]
}

async fn identity(ask: Ask) -> Result<XmlWriter, IamError> {
    let caller = &ask.caller;
    let mut writer = XmlWriter::fragment();
    writer.text("Arn", &caller.arn()).text("UserId", &caller.unique_id());
    writer.text("Account", &caller.user.id.account_number());
    Ok(writer)
}

async fn session_token(ask: Ask) -> Result<XmlWriter, IamError> {
    if ask.caller.session.is_some() {
        return Err(IamError::denied(&ask.caller.arn(), "sts:GetSessionToken", "*"));
    }
    let seconds = ask.args.number("DurationSeconds", 900, 129_600)?;
    // The account's own keys are too strong for long sessions.
    let most = if ask.caller.member.is_some() { 129_600 } else { 3_600 };
    let seconds = seconds.unwrap_or(43_200).min(most);
    let session = NewSession { issuer: ask.caller.id.clone(), role: None, policy: None, seconds };
    let mut writer = XmlWriter::fragment();
    credentials(&mut writer, &ask.door.verifier.keys().draw_temporary(&session));
    Ok(writer)
}

fn credentials(writer: &mut XmlWriter, key: &TemporaryKey) {
    writer.open("Credentials").text("AccessKeyId", &key.id).text("SecretAccessKey", &key.secret);
    writer.text("SessionToken", &key.token);
    let expires_at = Timestamp::default().plus_seconds(key.expires_at);
    writer.plain("Expiration", xml_time(expires_at)).close("Credentials");
}
