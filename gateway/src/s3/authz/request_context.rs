//! The condition keys that are about the request itself and the connection it came over, whichever API it calls.

use http::request::Parts;
use http::{HeaderMap, header};

use crate::policy::Value;
use crate::s3::documents::encoding::xml_time;
use crate::s3::error::{Code, S3Error};
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

/// Bytes of a header that a policy may be held against, with every key of a request: browsers send no longer `Referer` (Referrer Policy,
/// section 8.3).
const SAID_BYTES_MAX: usize = 4_096;

/// Refuses longer ones before anything is looked up.
///
/// # Errors
/// `RequestHeaderSectionTooLarge`.
pub(crate) fn refuse_long(headers: &HeaderMap) -> Result<(), S3Error> {
    for name in [header::REFERER, header::USER_AGENT] {
        let bytes: usize = headers.get_all(&name).iter().map(|value| value.len() + 1).sum();
        if bytes > SAID_BYTES_MAX + 1 {
            let message = format!("The {name} header has more than {SAID_BYTES_MAX} bytes.");
            return Err(S3Error::with(Code::RequestHeaderSectionTooLarge, message));
        }
    }
    Ok(())
}

/// A header that nothing but conditions read; all its values, should it come more than once.
fn said<'a>(head: &'a Parts, name: &header::HeaderName) -> Option<Value<'a>> {
    let mut values = head.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    let first = values.next()?;
    let others: String = values.map(|value| format!(",{value}")).collect();
    Some(if others.is_empty() { Value::from(first) } else { Value::from(format!("{first}{others}")) })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn no_more_is_said_than_policies_are_held_against() {
        for (name, lengths, fine) in [
            (header::REFERER, &[4_096][..], true),
            (header::REFERER, &[4_097], false),
            (header::USER_AGENT, &[2_048, 2_047], true),
            (header::USER_AGENT, &[2_048, 2_048], false),
            (header::COOKIE, &[30_000], true),
        ] {
            let mut headers = HeaderMap::new();
            for length in lengths {
                headers.append(&name, HeaderValue::from_str(&"x".repeat(*length)).expect("a value"));
            }
            let code = refuse_long(&headers).err().map(|error| error.code);
            assert_eq!(code, (!fine).then_some(Code::RequestHeaderSectionTooLarge), "{name} {lengths:?}");
        }
    }
}
