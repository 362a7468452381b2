//! Tags of objects: in the header of a write, in a document, as a number in a reply.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::{TagError, TagSet};
use crate::s3::documents::tags;
use crate::s3::documents::xml::parse;
use crate::s3::error::{Code, S3Error};
use crate::s3::uri::Query;

const TAGGING: HeaderName = HeaderName::from_static("x-amz-tagging");
const COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");

/// The tags that a write brings, as in a query: `a=1&b=2`. None when it names no tags.
///
/// # Errors
/// `InvalidArgument` for what is no query, else which rule of tags is broken.
pub fn of_header(headers: &HeaderMap) -> Result<Option<TagSet>, S3Error> {
    let Some(value) = headers.get(TAGGING).filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = value.to_str().unwrap_or("%");
    let message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag \
                   name duplicates.";
    let refused = || S3Error::argument(message, TAGGING.as_str(), text);
    let query = Query::parse(text).map_err(|_| refused())?;
    let pairs = query.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut pairs: Vec<_> = pairs.collect();
    // A query has no order; tags are shown in one.
    pairs.sort();
    match TagSet::new(pairs, TagSet::OBJECT_MAX) {
        Ok(set) => Ok(Some(set)),
        // A list parted by commas is one tag with a value that no tag has.
        Err(TagError::Duplicate(_)) => Err(refused()),
        Err(TagError::Value(_, value)) if value.contains(',') => Err(refused()),
        Err(error) => Err(tags::refused(error, TagSet::OBJECT_MAX)),
    }
}

/// Reads a `Tagging` document.
///
/// # Errors
/// `MalformedXML`, else which rule of tags is broken.
pub fn of_document(body: &[u8]) -> Result<TagSet, S3Error> {
    let root = parse(body, tags::ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?;
    tags::read(&root, TagSet::OBJECT_MAX)
}

/// Says how many tags an object has, if it has any.
pub fn show_count(tags: &[(String, String)], headers: &mut HeaderMap) {
    if !tags.is_empty() {
        headers.insert(COUNT, HeaderValue::from(tags.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> Result<Vec<(String, String)>, Code> {
        let headers = [(TAGGING, HeaderValue::from_str(value).unwrap())].into_iter().collect();
        of_header(&headers).map(|set| set.map(TagSet::into_pairs).unwrap_or_default()).map_err(|error| error.code)
    }

    #[test]
    fn a_header_is_a_query() {
        let pairs = |pairs: &[(&str, &str)]| Ok(pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect());
        assert_eq!(header("a=1&b=&c"), pairs(&[("a", "1"), ("b", ""), ("c", "")]));
        assert_eq!(header("a%20b=x%2By+z"), pairs(&[("a b", "x+y z")]));
        assert_eq!(header(""), pairs(&[]));
        assert_eq!(header("a=1&a=2"), Err(Code::InvalidArgument));
        assert_eq!(header("a=%zz"), Err(Code::InvalidArgument));
        assert_eq!(header("a=1,b=2"), Err(Code::InvalidArgument));
        assert_eq!(header("a=%21"), Err(Code::InvalidTag));
    }
}
