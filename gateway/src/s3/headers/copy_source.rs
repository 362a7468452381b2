//! `x-amz-copy-source`: which object is to be copied. Read by the parser of request paths, and never fetched from
//! anywhere but this gateway.

use crate::domain::{BucketName, ObjectKey};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::target::{self, Target};

/// The object that is to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// Its bucket.
    pub bucket: BucketName,
    /// Its key.
    pub key: ObjectKey,
    /// The version asked for, when one is.
    pub version: Option<String>,
}

/// Reads the header: `bucket/key`, percent-encoded, with or without a slash before it, with or without
/// `?versionId=` after it. A plus is a space, as in forms and unlike in paths: Amazon reads it so, and clients that
/// encode the header as they encode forms (s5cmd, much of Go) rely on it.
///
/// # Errors
/// `InvalidArgument` when it names no object.
pub fn read(value: &str) -> Result<CopySource, S3Error> {
    // Amazon repeats the header's name where its value would be.
    let refused = || S3Error::argument("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source");
    let (path, version) = match value.rsplit_once("?versionId=") {
        Some((path, version)) => (path, Some(version)),
        None => (value, None),
    };
    // The slash between bucket and key may itself be encoded.
    let path = path.strip_prefix('/').or_else(|| strip_encoded_slash(path)).unwrap_or(path);
    let cut = path.find('/').into_iter().chain(path.find("%2F")).chain(path.find("%2f")).min().ok_or_else(refused)?;
    let (bucket, rest) = path.split_at(cut);
    let key = rest.strip_prefix('/').or_else(|| strip_encoded_slash(rest)).ok_or_else(refused)?;
    match target::read("", &format!("/{bucket}/{}", key.replace('+', "%20")), &[]) {
        Ok(Target::Object(bucket, key)) => Ok(CopySource { bucket, key, version: version.map(str::to_owned) }),
        Err(target::TargetError::KeyTooLong) => Err(Code::KeyTooLongError.into()),
        Ok(_) | Err(_) => Err(refused()),
    }
}

fn strip_encoded_slash(path: &str) -> Option<&str> {
    path.strip_prefix("%2F").or_else(|| path.strip_prefix("%2f"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_the_ways_clients_write_it() {
        let source = |key: &str, version: Option<&str>| CopySource {
            bucket: "photos".parse().unwrap(),
            key: ObjectKey::new(key.to_owned()).unwrap(),
            version: version.map(str::to_owned),
        };
        let table = [
            ("photos/a", source("a", None)),
            ("/photos/a", source("a", None)),
            ("/photos/a/b%20c", source("a/b c", None)),
            ("photos%2Fa%2Fb", source("a/b", None)),
            ("%2fphotos%2fa", source("a", None)),
            ("photos//a", source("/a", None)),
            ("photos/../x", source("../x", None)),
            ("photos/a+b%2Bc%20d", source("a b+c d", None)),
            ("photos/a?versionId=null", source("a", Some("null"))),
            ("photos/a%3FversionId=1", source("a?versionId=1", None)),
            ("photos/what?", source("what?", None)),
        ];
        for (value, expected) in table {
            assert_eq!(read(value).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn what_names_no_object_here_is_refused() {
        for value in [
            "",
            "/",
            "photos",
            "photos/",
            "/photos/",
            "../photos/a",
            "http://evil.org/photos/a",
            "arn:aws:s3:us-east-1:1:accesspoint/x/object/k",
            "photos/%ff",
            "photos/a%00",
            "A_B/c",
        ] {
            assert_eq!(read(value).unwrap_err().code, Code::InvalidArgument, "{value}");
        }
        assert_eq!(read(&format!("photos/{}", "a".repeat(1_025))).unwrap_err().code, Code::KeyTooLongError);
    }

    proptest! {
        #[test]
        fn never_panics(value in ".*") {
            let _ = read(&value);
        }
    }
}
