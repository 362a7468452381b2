//! Headers that occur more than once. One reader might take the first and another join them all, so only lists may.

use http::HeaderMap;

use crate::s3::error::{Code, S3Error};

/// Headers outside `x-amz-` that say one thing about an object, its body or a condition.
const SINGLE: [&str; 11] = [
    "content-type",
    "content-md5",
    "content-disposition",
    "expires",
    "date",
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
];

/// Lists, every reader of which takes all values.
const LISTS: [&str; 3] = ["x-amz-object-attributes", "x-amz-optional-object-attributes", "x-amz-trailer"];
/// How the names of lists begin: metadata is joined by commas, and grants add up.
const LISTS_BEGIN: [&str; 2] = ["x-amz-meta-", "x-amz-grant-"];

/// Refuses a header that may occur only once and does not.
///
/// # Errors
/// `InvalidArgument`.
pub fn refuse(headers: &HeaderMap) -> Result<(), S3Error> {
    if headers.len() == headers.keys_len() {
        return Ok(());
    }
    for name in headers.keys() {
        let text = name.as_str();
        let list = LISTS.contains(&text) || LISTS_BEGIN.iter().any(|start| text.starts_with(start));
        let single = SINGLE.contains(&text) || (text.starts_with("x-amz-") && !list);
        if single && headers.get_all(name).iter().nth(1).is_some() {
            let message = format!("Only one {text} header is allowed");
            return Err(S3Error::with(Code::InvalidArgument, message).field("ArgumentName", text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_lists_may_be_repeated() {
        for (name, fine) in [
            ("x-amz-acl", false),
            ("x-amz-tagging", false),
            ("x-amz-copy-source", false),
            ("x-amz-object-lock-mode", false),
            ("x-amz-storage-class", false),
            ("x-amz-whatever-comes-next", false),
            ("content-type", false),
            ("if-none-match", false),
            ("x-amz-meta-colour", true),
            ("x-amz-grant-read", true),
            ("x-amz-object-attributes", true),
            ("cache-control", true),
            ("accept", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_static("a"));
            assert!(refuse(&headers).is_ok(), "{name}");
            headers.append(name, HeaderValue::from_static("b"));
            let code = refuse(&headers).err().map(|error| error.code);
            assert_eq!(code, (!fine).then_some(Code::InvalidArgument), "{name}");
        }
    }
}
