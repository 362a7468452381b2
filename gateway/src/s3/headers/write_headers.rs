//! Refuses `x-amz-write-offset-bytes` where appends are not supported. A header that is not
//! supported and changes the meaning of a write is refused, never ignored.

use http::HeaderMap;

use crate::s3::error::{Code, S3Error};

/// Checks them all.
///
/// # Errors
/// What Amazon says to each, or `NotImplemented`.
pub fn check(headers: &HeaderMap) -> Result<(), S3Error> {
    let requested = |name: &str| headers.get(name).is_some_and(|value| !value.is_empty());
    if requested("x-amz-write-offset-bytes") {
        return Err(Code::NotImplemented.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn each_header_has_its_answer() {
        let table: &[(&'static str, &'static str, Option<Code>)] =
            &[("x-amz-write-offset-bytes", "5", Some(Code::NotImplemented))];
        for (name, value, code) in table {
            let headers = [(HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(check(&headers).err().map(|error| error.code), *code, "{name}: {value}");
        }
    }
}
