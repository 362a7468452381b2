//! The raw request target: split, percent-decoded once, re-encoded once the way Amazon does it.
//!
//! Nothing here normalises: `//`, `.`, `..`, `%2F` and `+` in a path are themselves. The signature and the routing read
//! a target through the same functions, so what is signed is what is done.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::s3::error::{Code, S3Error};

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// The path and the query of a raw target, both still encoded; without `?` the query is empty.
///
/// # Errors
/// `InvalidURI` unless the target is a path or an absolute URI of `http` or `https`.
pub fn split(target: &str) -> Result<(&str, &str), S3Error> {
    let origin = if target.starts_with('/') {
        target
    } else {
        let (scheme, rest) = target.split_once("://").ok_or(Code::InvalidURI)?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(Code::InvalidURI.into());
        }
        match rest.find(['/', '?']) {
            Some(at) if rest.as_bytes()[at] == b'/' => &rest[at..],
            // An authority alone: the path is the root.
            Some(at) => return Ok(("/", &rest[at + 1..])),
            None => "/",
        }
    };
    Ok(origin.split_once('?').unwrap_or((origin, "")))
}

/// Decodes `%XX` once; every other byte, `+` too, stands for itself.
///
/// # Errors
/// `InvalidURI` when a `%` is not followed by two hexadecimal digits.
pub fn decode(text: &str) -> Result<Vec<u8>, S3Error> {
    decode_bytes(text, false)
}

/// Decodes one name or value of a query: `%XX`, and `+` is a space, as Amazon reads it.
///
/// # Errors
/// `InvalidURI` on a broken `%XX` and on what is not UTF-8.
pub fn decode_query(text: &str) -> Result<String, S3Error> {
    let bytes = decode_bytes(text, true)?;
    String::from_utf8(bytes).map_err(|_| Code::InvalidURI.into())
}

fn decode_bytes(text: &str, plus_is_space: bool) -> Result<Vec<u8>, S3Error> {
    let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(Code::InvalidURI.into()),
            },
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    Ok(decoded)
}

/// Amazon's `UriEncode` of a path: everything but `A-Z a-z 0-9 - . _ ~ /` as upper-case `%XX`.
pub fn encode_path(bytes: &[u8], encoded: &mut String) {
    encoded.extend(percent_encode(bytes, PATH));
}

/// Amazon's `UriEncode` of a query's name or value: the slash is encoded too.
pub fn encode_query(bytes: &[u8], encoded: &mut String) {
    encoded.extend(percent_encode(bytes, QUERY));
}

/// The most parameters of a query. Each costs an allocation or two and is looked at several times before anybody is known;
/// a presigned URL with all the metadata an object may have stays far below.
pub const PARAMETERS_MAX: usize = 512;

/// The decoded names and values of a query, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a raw query (without the `?`). A name without `=` has an empty value; empty pairs are skipped.
    ///
    /// # Errors
    /// `InvalidURI` on a broken `%XX`, on what is not UTF-8, and on more than [`PARAMETERS_MAX`] pairs.
    pub fn parse(raw: &str) -> Result<Self, S3Error> {
        if raw.is_empty() {
            return Ok(Self::default());
        }
        if raw.bytes().filter(|byte| *byte == b'&').count() >= PARAMETERS_MAX {
            return Err(S3Error::with(Code::InvalidURI, "The URI has too many query parameters"));
        }
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode_query(name)?, decode_query(value)?))
        });
        decoded.collect::<Result<_, S3Error>>().map(Self)
    }

    /// The first value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// A parameter that is a number of at least 0 and at most `i32::MAX`; `None` when it is missing or empty.
    ///
    /// # Errors
    /// `InvalidArgument` for anything else.
    pub fn number(&self, name: &str) -> Result<Option<u32>, S3Error> {
        let Some(text) = self.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let number = text.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok());
        let refused =
            || S3Error::argument(format!("Provided {name} not an integer or within integer range"), name, text);
        number.ok_or_else(refused).map(Some)
    }

    /// Whether the name occurs, with or without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the query names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_target_splits_without_being_normalised() {
        for (target, path, query) in [
            ("/b//k/../x?a=b?c", "/b//k/../x", "a=b?c"),
            ("//b/k", "//b/k", ""),
            ("/", "/", ""),
            ("http://h:9000/b/k?x", "/b/k", "x"),
            ("HTTPS://h", "/", ""),
            ("http://h?x=/", "/", "x=/"),
        ] {
            assert_eq!(split(target).expect("a target"), (path, query), "{target}");
        }
        for target in ["*", "", "b/k", "ftp://h/x", "h:443"] {
            assert_eq!(split(target).expect_err("refused").code, Code::InvalidURI, "{target}");
        }
    }

    #[test]
    fn a_plus_is_a_space_in_a_query_and_itself_in_a_path() {
        assert_eq!(decode("a+b%2Bc%20").expect("decodes"), b"a+b+c ");
        assert_eq!(decode_query("a+b%2Bc%20").expect("decodes"), "a b+c ");
    }

    #[test]
    fn broken_escapes_and_foreign_bytes_are_refused() {
        for text in ["%", "%2", "%zz", "a%", "%%41", "%+1"] {
            assert_eq!(decode(text).expect_err("refused").code, Code::InvalidURI, "{text}");
        }
        assert_eq!(Query::parse("a=%FF").expect_err("refused").code, Code::InvalidURI);
    }

    #[test]
    fn a_query_keeps_order_duplicates_and_bare_names() {
        let query = Query::parse("uploads&prefix=a%2Fb&&x=1&x=2&=e").expect("parses");
        let pairs: Vec<_> = query.iter().collect();
        assert_eq!(pairs, [("uploads", ""), ("prefix", "a/b"), ("x", "1"), ("x", "2"), ("", "e")]);
        assert!(query.has("uploads") && !query.has("upload") && query.get("x") == Some("1"));
    }

    #[test]
    fn a_query_has_so_many_parameters_and_no_more() {
        let raw = |count: usize| vec!["a"; count].join("&");
        assert_eq!(Query::parse(&raw(PARAMETERS_MAX)).expect("fine").iter().count(), PARAMETERS_MAX);
        for raw in [raw(PARAMETERS_MAX + 1), "&".repeat(16_000)] {
            assert_eq!(Query::parse(&raw).expect_err("refused").code, Code::InvalidURI);
        }
    }

    proptest! {
        #[test]
        fn encoding_then_decoding_gives_the_same_bytes(bytes: Vec<u8>) {
            let (mut path, mut query) = (String::new(), String::new());
            encode_path(&bytes, &mut path);
            encode_query(&bytes, &mut query);
            prop_assert_eq!(decode(&path).expect("decodes"), bytes.clone());
            prop_assert_eq!(decode_bytes(&query, true).expect("decodes"), bytes);
            prop_assert!(query.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        }

        #[test]
        fn garbage_never_panics(text: String) {
            let _ = split(&text);
            let _ = decode(&text);
            let _ = Query::parse(&text);
        }
    }
}
