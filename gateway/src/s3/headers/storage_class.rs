//! `x-amz-storage-class`: which classes there are, and what replies say of them.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::ObjectAttributes;
use crate::s3::error::{Code, S3Error};

const HEADER: HeaderName = HeaderName::from_static("x-amz-storage-class");

/// The class a write names, if it names one; STANDARD is what it gets without.
///
/// # Errors
/// `InvalidStorageClass` for one that is not configured.
pub fn read(headers: &HeaderMap, classes: &[String]) -> Result<Option<String>, S3Error> {
    match headers.get(HEADER).map(|class| class.to_str().unwrap_or("?")) {
        None | Some("") => Ok(None),
        Some(class) if class == ObjectAttributes::STANDARD || classes.iter().any(|known| known == class) => {
            Ok(Some(class.to_owned()))
        }
        Some(class) => Err(S3Error::new(Code::InvalidStorageClass).field("StorageClassRequested", class)),
    }
}

/// Says the class of a version; of STANDARD nothing is said.
pub fn show(attributes: &ObjectAttributes, headers: &mut HeaderMap) {
    let class = attributes.storage_class.as_deref().and_then(|class| HeaderValue::from_str(class).ok());
    headers.extend(class.map(|class| (HEADER, class)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_classes_that_are_configured_are_taken() {
        let classes = ["STANDARD_IA".to_owned()];
        let requested = |class: &'static str| {
            let headers = [(HEADER, HeaderValue::from_static(class))].into_iter().collect();
            read(&headers, &classes).map_err(|error| error.code)
        };
        assert_eq!(requested("STANDARD"), Ok(Some("STANDARD".to_owned())));
        assert_eq!(requested(""), Ok(None));
        assert_eq!(requested("STANDARD_IA"), Ok(Some("STANDARD_IA".to_owned())));
        assert_eq!(requested("GLACIER"), Err(Code::InvalidStorageClass));
        assert_eq!(requested("standard"), Err(Code::InvalidStorageClass));
        assert_eq!(read(&HeaderMap::new(), &classes).unwrap(), None);
    }
}
