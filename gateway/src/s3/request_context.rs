//! The condition keys that are about the request itself and the connection it came over, whichever API it calls.

use http::header;
use http::request::Parts;

use super::arrival::Arrival;
use super::door::Door;
use super::encoding::xml_time;
use crate::policy::Value;

/// The value of `aws:{name}`; names come in lower case. What is about the caller is known to the caller's principal.
pub(super) fn value<'a>(door: &'a Door, head: &'a Parts, name: &str) -> Option<Value<'a>> {
    match name {
        "sourceip" => Arrival::of(head).peer.map(|address| Value::from(address.to_canonical().to_string())),
        "securetransport" => Some(Value::from(if Arrival::of(head).encrypted { "true" } else { "false" })),
        "currenttime" => Some(Value::from(xml_time(door.verifier.now()))),
        "epochtime" => Some(Value::from(door.verifier.now().seconds().to_string())),
        "useragent" => said(head, &header::USER_AGENT),
        "referer" => said(head, &header::REFERER),
        "requestedregion" => Some(Value::from(door.settings.region.as_str())),
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
