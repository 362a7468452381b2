//! The condition keys that are about the request itself and the connection it came over, whichever API it calls.

use http::header;
use http::request::Parts;

use crate::policy::Value;
use crate::s3::documents::encoding::xml_time;
use crate::s3::pipeline::connection_info::ConnectionInfo;
use crate::s3::pipeline::state::S3State;

/// The value of `aws:{name}`; names come in lower case. What is about the caller is known to the caller's principal.
pub(crate) fn value<'a>(state: &'a S3State, head: &'a Parts, name: &str) -> Option<Value<'a>> {
    match name {
        "sourceip" => ConnectionInfo::of(head).peer.map(|address| Value::from(address.to_canonical().to_string())),
        "securetransport" => Some(Value::from(if ConnectionInfo::of(head).encrypted { "true" } else { "false" })),
        "currenttime" => Some(Value::from(xml_time(state.verifier.now()))),
        "epochtime" => Some(Value::from(state.verifier.now().seconds().to_string())),
        "useragent" => said(head, &header::USER_AGENT),
        "referer" => said(head, &header::REFERER),
        "requestedregion" => Some(Value::from(state.settings.s3.region.as_str())),
        _ => None,
    }
}

/// A header that nothing but conditions read; all its values, should it come more than once.
fn said<'a>(head: &'a Parts, name: &header::HeaderName) -> Option<Value<'a>> {
    let mut values = head.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    let first = values.next()?;
    let others: String = values.map(|value| format!(",{value}")).collect();
    Some(if others.is_empty() { Value::from(first) } else { Value::from(format!("{first}{others}")) })
}
