//! The session token that accompanies a temporary key.

use http::HeaderMap;

use crate::s3::error::{Code, S3Error};
use crate::s3::uri::Query;

const NAME: &str = "x-amz-security-token";
/// The longest token that is looked at, in bytes: the policy inside is 2,048 letters at most.
const BYTES_MAX: usize = 16 << 10;

/// The one token of a request; `query` is where a presigned URL has it. An empty one is none.
pub(super) fn of<'a>(headers: &'a HeaderMap, query: Option<&'a Query>) -> Result<Option<&'a str>, S3Error> {
    let invalid = || S3Error::new(Code::InvalidToken);
    let mut found = None;
    for value in headers.get_all(NAME) {
        let text = value.to_str().map_err(|_| invalid())?;
        if found.replace(text).is_some() {
            return Err(invalid());
        }
    }
    let named = |name: &str| name.eq_ignore_ascii_case(NAME);
    for (_, text) in query.into_iter().flat_map(Query::iter).filter(|(name, _)| named(name)) {
        if found.replace(text).is_some() {
            return Err(invalid());
        }
    }
    check(found)
}

/// The token in a field of a form.
pub(super) fn check(token: Option<&str>) -> Result<Option<&str>, S3Error> {
    match token.filter(|token| !token.is_empty()) {
        Some(token) if token.len() > BYTES_MAX => Err(S3Error::new(Code::InvalidToken)),
        token => Ok(token),
    }
}
