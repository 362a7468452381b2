//! `x-amz-write-offset-bytes`: a write whose bytes are appended.

use http::HeaderMap;

use crate::s3::error::{Code, S3Error};

const WRITE_OFFSET: &str = "x-amz-write-offset-bytes";

/// Where the bytes of a `PutObject` are to go: the size the object has. None for a write that replaces.
///
/// # Errors
/// `InvalidArgument` for what is no number.
pub fn read(headers: &HeaderMap) -> Result<Option<u64>, S3Error> {
    let Some(text) = headers.get(WRITE_OFFSET).filter(|text| !text.is_empty()) else { return Ok(None) };
    let text = text.to_str().unwrap_or("?");
    text.parse().map(Some).map_err(|_| S3Error::argument("The write offset is not a number.", WRITE_OFFSET, text))
}

/// Refuses an offset where nothing can be appended: whoever sent it would otherwise replace what was to be continued.
///
/// # Errors
/// `NotImplemented`.
pub fn refuse(headers: &HeaderMap) -> Result<(), S3Error> {
    if headers.get(WRITE_OFFSET).is_some_and(|value| !value.is_empty()) {
        return Err(Code::NotImplemented.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn sent(value: &'static str) -> HeaderMap {
        [(http::HeaderName::from_static(WRITE_OFFSET), HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn an_offset_is_a_number_or_absent() {
        assert_eq!(read(&HeaderMap::new()).expect("absent"), None);
        assert_eq!(read(&sent("")).expect("empty"), None);
        assert_eq!(read(&sent("5")).expect("a number"), Some(5));
        for wrong in ["-1", "five", "18446744073709551616"] {
            assert_eq!(read(&sent(wrong)).expect_err(wrong).code, Code::InvalidArgument, "{wrong}");
        }
    }

    #[test]
    fn where_nothing_is_appended_any_offset_is_refused() {
        refuse(&HeaderMap::new()).expect("absent");
        refuse(&sent("")).expect("empty");
        assert_eq!(refuse(&sent("5")).expect_err("refused").code, Code::NotImplemented);
    }
}
