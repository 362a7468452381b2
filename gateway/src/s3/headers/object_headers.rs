//! Attributes of objects: from the headers of a write to [`ObjectAttributes`], and back to the headers of a
//! read.
//!
//! Header values are bytes. System headers are kept one character per byte (as ISO 8859-1 reads them), so that what a client
//! sent is what it gets back, byte for byte. User metadata is text, as with Amazon: bytes are read as ISO 8859-1, encoded words
//! of RFC 2047 are decoded, and what is not ASCII goes back in encoded words.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::domain::ObjectAttributes;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::encoded_words;
use crate::s3::uri::Query;

/// What the names of user metadata begin with.
pub const USER_PREFIX: &str = "x-amz-meta-";
/// Where a website redirects whoever asks for the object.
pub const WEBSITE_REDIRECT: &str = "x-amz-website-redirect-location";

/// Reads the attributes a write carries.
///
/// # Errors
/// `MetadataTooLarge` beyond 2 KB of user metadata; `InvalidArgument` for a redirect that is neither a path nor a URL.
pub fn read(headers: &HeaderMap) -> Result<ObjectAttributes, S3Error> {
    let one = |name: HeaderName| joined(headers, &name).filter(|value| !value.is_empty());
    let attributes = ObjectAttributes {
        content_type: one(header::CONTENT_TYPE),
        cache_control: one(header::CACHE_CONTROL),
        content_disposition: one(header::CONTENT_DISPOSITION),
        content_encoding: one(header::CONTENT_ENCODING).and_then(|value| without_aws_chunked(&value)),
        content_language: one(header::CONTENT_LANGUAGE),
        expires: one(header::EXPIRES),
        website_redirect: website_redirect(headers)?,
        user: user_metadata(headers)?,
        ..ObjectAttributes::default()
    };
    Ok(attributes)
}

fn website_redirect(headers: &HeaderMap) -> Result<Option<String>, S3Error> {
    let Some(location) = joined(headers, &HeaderName::from_static(WEBSITE_REDIRECT)) else { return Ok(None) };
    if ["/", "http://", "https://"].iter().any(|start| location.starts_with(start)) {
        return Ok(Some(location));
    }
    let message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
    Err(S3Error::with(Code::InvalidArgument, message))
}

fn user_metadata(headers: &HeaderMap) -> Result<Vec<(String, String)>, S3Error> {
    let names = headers.keys().filter_map(|name| Some((name, name.as_str().strip_prefix(USER_PREFIX)?)));
    let text = |name: &HeaderName| encoded_words::decode(&joined(headers, name).unwrap_or_default());
    let user: Vec<_> = names.map(|(name, short)| (short.to_owned(), text(name))).collect();
    let bytes: usize = user.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ObjectAttributes::USER_BYTES_MAX {
        return Err(S3Error::new(Code::MetadataTooLarge)
            .field("Size", bytes.to_string())
            .field("MaxSizeAllowed", ObjectAttributes::USER_BYTES_MAX.to_string()));
    }
    Ok(user)
}

/// All values of a header, joined by commas, white space around each removed.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let mut all = text_of(values.next()?.as_bytes());
    for value in values {
        all.push(',');
        all.push_str(&text_of(value.as_bytes()));
    }
    Some(all)
}

/// One character per byte.
#[must_use]
pub fn text_of(bytes: &[u8]) -> String {
    bytes.trim_ascii().iter().copied().map(char::from).collect()
}

fn without_aws_chunked(value: &str) -> Option<String> {
    if !value.to_ascii_lowercase().contains("aws-chunked") {
        return Some(value.to_owned());
    }
    let kept: Vec<_> =
        value.split(',').map(str::trim).filter(|coding| !coding.eq_ignore_ascii_case("aws-chunked")).collect();
    Some(kept.join(", ")).filter(|value| !value.is_empty())
}

/// Writes the attributes of a version into the headers of a reply.
pub fn write(attributes: &ObjectAttributes, headers: &mut HeaderMap) {
    let content_type = attributes.content_type.as_deref().and_then(value_of);
    headers.insert(
        header::CONTENT_TYPE,
        content_type.unwrap_or(const { HeaderValue::from_static("binary/octet-stream") }),
    );
    let system = [
        (header::CACHE_CONTROL, &attributes.cache_control),
        (header::CONTENT_DISPOSITION, &attributes.content_disposition),
        (header::CONTENT_ENCODING, &attributes.content_encoding),
        (header::CONTENT_LANGUAGE, &attributes.content_language),
        (header::EXPIRES, &attributes.expires),
        (const { HeaderName::from_static(WEBSITE_REDIRECT) }, &attributes.website_redirect),
    ];
    for (name, value) in system {
        if let Some(value) = value.as_deref().and_then(value_of) {
            headers.insert(name, value);
        }
    }
    for (name, value) in &attributes.user {
        let name = HeaderName::from_bytes([USER_PREFIX.as_bytes(), name.as_bytes()].concat().as_slice());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(encoded_words::encode(value))) {
            headers.append(name, value);
        }
    }
}

/// The bytes a value was read from; `None` for what no header can carry.
fn value_of(text: &str) -> Option<HeaderValue> {
    if text.is_ascii() {
        return HeaderValue::from_str(text).ok();
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    HeaderValue::from_bytes(bytes.as_deref().unwrap_or(text.as_bytes())).ok()
}

/// The parameters by which a signed GET replaces headers of its reply, and the headers.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-content-type", header::CONTENT_TYPE),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-expires", header::EXPIRES),
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
];

/// Applies `response-*` parameters. Only a signed request may have them: else a link could make any page of any object.
///
/// # Errors
/// `InvalidRequest` on an anonymous request, `InvalidArgument` for a header that cannot be replaced and for a value that no header
/// can carry.
pub fn apply_overrides(query: &Query, signed: bool, headers: &mut HeaderMap) -> Result<(), S3Error> {
    if query.is_empty() {
        return Ok(());
    }
    let known = |parameter: &str| OVERRIDES.iter().any(|(known, _)| *known == parameter);
    if let Some((other, value)) = query.iter().find(|(name, _)| name.starts_with("response-") && !known(name)) {
        let message = format!("{other} is not in the set of overridable response header names.");
        return Err(S3Error::argument(message, other, value));
    }
    for (parameter, name) in OVERRIDES {
        let Some(value) = query.get(parameter) else { continue };
        if !signed {
            let message = "Request specific response headers cannot be used for anonymous GET requests.";
            return Err(S3Error::with(Code::InvalidRequest, message));
        }
        let refused = |why: &'static str| S3Error::argument(why, parameter, value);
        let bytes: Result<Vec<u8>, _> = value.chars().map(u8::try_from).collect();
        let bytes = bytes.map_err(|_| refused("Header value cannot be represented using ISO-8859-1."))?;
        headers.insert(name, HeaderValue::try_from(bytes).map_err(|_| refused("The header value is not valid."))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &[u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn attributes_come_back_as_they_were_sent() {
        let sent = headers(&[
            ("content-type", b"text/html; charset=utf-8"),
            ("expires", b"not a date at all"),
            ("cache-control", b"no-cache"),
            ("content-language", b"en"),
            ("content-disposition", b"attachment; filename=\"a b\""),
            ("x-amz-meta-b", b"a b"),
            ("x-amz-meta-c", b"=?UTF-8?B?w6k=?="),
        ]);
        let mut shown = HeaderMap::new();
        write(&read(&sent).unwrap(), &mut shown);
        assert_eq!(shown, sent);
    }

    /// The first two are the examples of Amazon's documentation ("Working with object metadata").
    #[test]
    fn metadata_is_text_and_what_is_not_ascii_goes_back_in_encoded_words() {
        for (sent, shown) in [
            ("ÄMÄZÕÑ S3".as_bytes(), "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="),
            (b"AMAZONS3", "AMAZONS3"),
            (b"caf\xe9", "=?UTF-8?Q?caf=C3=A9?="),
            (b"=?UTF-8?B?w4RNw4Raw5XDkSBTMw==?=", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
            (b"=?UTF-8?Q?actually-ascii?=", "actually-ascii"),
        ] {
            let mut reply = HeaderMap::new();
            write(&read(&headers(&[("x-amz-meta-k", sent)])).unwrap(), &mut reply);
            assert_eq!(reply["x-amz-meta-k"], shown);
        }
    }

    #[test]
    fn a_missing_type_is_octets_and_aws_chunked_is_no_encoding() {
        let show = |sent: &[u8]| {
            let mut shown = HeaderMap::new();
            write(&read(&headers(&[("content-encoding", sent)])).unwrap(), &mut shown);
            shown
        };
        assert_eq!(show(b"aws-chunked"), headers(&[("content-type", b"binary/octet-stream")]));
        assert_eq!(show(b"aws-chunked, gzip")["content-encoding"], "gzip");
        assert_eq!(show(b"gzip,AWS-Chunked")["content-encoding"], "gzip");
    }

    #[test]
    fn user_metadata_has_2_kb() {
        let of = |bytes: usize| read(&headers(&[("x-amz-meta-k", &vec![b'a'; bytes])]));
        assert!(of(2_047).is_ok());
        assert_eq!(of(2_048).unwrap_err().code, Code::MetadataTooLarge);
        let of_two = |count: usize| read(&headers(&[("x-amz-meta-k", &vec![b'\xe9'; count])]));
        assert!(of_two(1_023).is_ok() && of_two(1_024).is_err(), "bytes of UTF-8 are counted, not characters");
    }

    #[test]
    fn repeated_metadata_is_joined() {
        let mut sent = headers(&[("x-amz-meta-k", b" a ")]);
        sent.append("x-amz-meta-k", HeaderValue::from_static("b"));
        assert_eq!(read(&sent).unwrap().user, [("k".to_owned(), "a,b".to_owned())]);
    }

    #[test]
    fn overrides_need_a_signature_and_cannot_break_out_of_a_header() {
        let query = Query::parse("response-content-type=text/plain&response-expires=x").unwrap();
        let mut shown = headers(&[("content-type", b"text/html")]);
        assert_eq!(apply_overrides(&query, false, &mut shown).unwrap_err().code, Code::InvalidRequest);
        apply_overrides(&query, true, &mut shown).unwrap();
        assert_eq!(shown, headers(&[("content-type", b"text/plain"), ("expires", b"x")]));
        let other = Query::parse("response-content-md5=x").unwrap();
        assert_eq!(apply_overrides(&other, true, &mut shown).unwrap_err().code, Code::InvalidArgument);
        let evil = Query::parse("response-content-disposition=a%0d%0aSet-Cookie:x").unwrap();
        assert_eq!(apply_overrides(&evil, true, &mut shown).unwrap_err().code, Code::InvalidArgument);
        let latin = Query::parse("response-cache-control=%C3%A9").unwrap();
        apply_overrides(&latin, true, &mut shown).unwrap();
        assert_eq!(shown["cache-control"].as_bytes(), b"\xe9");
        let wide = Query::parse("response-cache-control=non-ascii-%E2%80%94").unwrap();
        assert_eq!(apply_overrides(&wide, true, &mut shown).unwrap_err().code, Code::InvalidArgument);
    }

    proptest! {
        #[test]
        fn every_system_value_a_header_can_carry_survives(bytes in proptest::collection::vec(any::<u8>(), 1..80)) {
            if let Ok(value) = HeaderValue::from_bytes(bytes.trim_ascii())
                && !value.is_empty()
            {
                let sent = headers(&[("content-type", b"a"), ("content-disposition", value.as_bytes())]);
                let mut shown = HeaderMap::new();
                write(&read(&sent).unwrap(), &mut shown);
                prop_assert_eq!(shown, sent);
            }
        }
    }
}
