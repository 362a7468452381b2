//! What a request is about: the service, a bucket, or an object, in path style or virtual-host style.

use crate::domain::{BucketName, KeyError, ObjectKey};
use crate::s3::uri;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The service itself: `/`.
    Service,
    /// A bucket.
    Bucket(BucketName),
    /// An object in a bucket.
    Object(BucketName, ObjectKey),
    /// A bucket as S3 Control names it, by its ARN.
    Resource(BucketName),
}

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The service: `/`.
    Service,
    /// A bucket: `/bucket`.
    Bucket,
    /// An object: `/bucket/key`.
    Object,
    /// A bucket as S3 Control names it, by its ARN.
    Resource,
}

impl Level {
    /// The word for it in errors about methods.
    #[must_use]
    pub const fn resource_type(self) -> &'static str {
        match self {
            Self::Service => "SERVICE",
            Self::Bucket => "BUCKET",
            Self::Object => "OBJECT",
            Self::Resource => "RESOURCE",
        }
    }
}

impl Target {
    /// The bucket it names.
    #[must_use]
    pub fn bucket(&self) -> Option<&BucketName> {
        match self {
            Self::Service => None,
            Self::Bucket(name) | Self::Object(name, _) | Self::Resource(name) => Some(name),
        }
    }

    /// The level of the operations it can have.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Service => Level::Service,
            Self::Bucket(_) => Level::Bucket,
            Self::Object(..) => Level::Object,
            Self::Resource(_) => Level::Resource,
        }
    }
}

/// Why a request's target is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// `InvalidURI`: not percent-encoded UTF-8 without NUL.
    #[error("couldn't parse the specified URI")]
    Malformed,
    /// `InvalidBucketName`.
    #[error("the specified bucket is not valid")]
    BucketName,
    /// `KeyTooLongError`.
    #[error("your key is too long")]
    KeyTooLong,
    /// `NotImplemented`: what S3 Control knows and is not here, such as access points.
    #[error("the resource is of a kind that is not supported")]
    NotSupported,
}

/// What the paths of S3 Control begin with: the version of that API.
const CONTROL: &str = "/v20180820/";

/// Reads the target of a request from its `Host` and its raw path (percent-encoded, as it came over the wire).
///
/// The longest base domain that ends the host, with something before it, makes the rest the bucket; a host that
/// belongs to no base domain means path style. Nothing is normalised: `//`, `.` and `..` are bytes of keys.
///
/// # Errors
/// When the bucket or the key is not a valid one.
pub fn read(host: &str, raw_path: &str, base_domains: &[String]) -> Result<Target, TargetError> {
    resource(bucket_of_host(host, base_domains).as_deref(), raw_path)
}

/// Reads what a raw path names, in the bucket of the host if that names one.
///
/// # Errors
/// As [`read`].
pub(crate) fn resource(host_bucket: Option<&str>, raw_path: &str) -> Result<Target, TargetError> {
    let path = raw_path.strip_prefix('/').unwrap_or(raw_path);
    if let Some(bucket) = host_bucket {
        return build(bucket, path);
    }
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket.is_empty() && key.is_empty() {
        return Ok(Target::Service);
    }
    let bucket = decoded(bucket)?;
    build(std::str::from_utf8(&bucket).map_err(|_| TargetError::BucketName)?, key)
}

/// Whether a raw path is one of S3 Control, given that the request brings the header of that API.
pub(crate) fn is_control(raw_path: &str) -> bool {
    raw_path.starts_with(CONTROL)
}

/// Reads what a raw path of S3 Control names: the bucket whose tags are asked for. The host says nothing there.
///
/// # Errors
/// `NotSupported` for what is no bucket and not about tags; when the name is none.
pub(crate) fn control_resource(raw_path: &str) -> Result<Target, TargetError> {
    let path = raw_path.strip_prefix(CONTROL).unwrap_or(raw_path);
    let arn = path.strip_prefix("tags/").ok_or(TargetError::NotSupported)?;
    let arn = String::from_utf8(decoded(arn)?).map_err(|_| TargetError::Malformed)?;
    let name = arn.strip_prefix("arn:aws:s3:::").filter(|name| !name.contains('/')).ok_or(TargetError::NotSupported)?;
    name.parse().map(Target::Resource).map_err(|_| TargetError::BucketName)
}

fn build(bucket: &str, raw_key: &str) -> Result<Target, TargetError> {
    let bucket: BucketName = bucket.parse().map_err(|_| TargetError::BucketName)?;
    if raw_key.is_empty() {
        return Ok(Target::Bucket(bucket));
    }
    match ObjectKey::new(decoded(raw_key)?) {
        Ok(key) => Ok(Target::Object(bucket, key)),
        Err(KeyError::TooLong) => Err(TargetError::KeyTooLong),
        Err(KeyError::Empty | KeyError::NotText) => Err(TargetError::Malformed),
    }
}

fn decoded(raw: &str) -> Result<Vec<u8>, TargetError> {
    uri::decode(raw).map_err(|_| TargetError::Malformed)
}

/// The labels of the host before the longest base domain it ends with, in lower case.
pub(crate) fn bucket_of_host(host: &str, base_domains: &[String]) -> Option<String> {
    let host = without_port(host);
    if base_domains.iter().any(|base| base.eq_ignore_ascii_case(host)) {
        return None;
    }
    let label = |base: &String| {
        let cut = host.len().checked_sub(base.len() + 1)?;
        let (labels, rest) = (host.get(..cut)?, host.get(cut..)?);
        let matches = rest.starts_with('.') && rest.get(1..)?.eq_ignore_ascii_case(base);
        (matches && !labels.is_empty()).then_some(labels)
    };
    base_domains.iter().filter_map(label).min_by_key(|labels| labels.len()).map(str::to_ascii_lowercase)
}

/// The host without its port and without the dot that may end a full name; an IPv6 address keeps its brackets.
pub(crate) fn without_port(host: &str) -> &str {
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    bare.strip_suffix('.').unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(bucket: &str, key: &str) -> Result<Target, TargetError> {
        Ok(Target::Object(bucket.parse().unwrap(), ObjectKey::new(key.to_owned()).unwrap()))
    }

    fn bucket(name: &str) -> Result<Target, TargetError> {
        Ok(Target::Bucket(name.parse().unwrap()))
    }

    #[test]
    fn the_path_names_bucket_and_key_byte_by_byte() {
        let path = |raw| read("localhost:9000", raw, &[]);
        assert_eq!(path("/"), Ok(Target::Service));
        assert_eq!(path("/photos"), bucket("photos"));
        assert_eq!(path("/photos/"), bucket("photos"));
        assert_eq!(path("/photos/a"), object("photos", "a"));
        assert_eq!(path("/photos//a"), object("photos", "/a"));
        assert_eq!(path("/photos/a/../b/."), object("photos", "a/../b/."));
        assert_eq!(path("/photos/a%2Fb%20c+d%25"), object("photos", "a/b c+d%"));
        assert_eq!(path("/photos/%c3%a9\u{e9}"), object("photos", "éé"));
        assert_eq!(path("/ph%6Ftos/a"), object("photos", "a"));
    }

    #[test]
    fn what_can_be_no_bucket_or_key_is_refused() {
        let path = |raw: &str| read("localhost", raw, &[]);
        for raw in ["//a", "/A_B/c", "/ab", "/../a", "/%ff/a", "/a..b/c", "/192.168.0.1/k"] {
            assert_eq!(path(raw), Err(TargetError::BucketName), "{raw}");
        }
        for raw in ["/photos/%ff", "/photos/a%00b", "/photos/a%4", "/photos/%zz", "/photos/%c0%af"] {
            assert_eq!(path(raw), Err(TargetError::Malformed), "{raw}");
        }
        assert!(path(&format!("/photos/{}", "a".repeat(1_024))).is_ok());
        assert_eq!(path(&format!("/photos/{}", "a".repeat(1_025))), Err(TargetError::KeyTooLong));
    }

    #[test]
    fn a_host_under_a_base_domain_names_the_bucket() {
        let bases = ["s3.example.com".to_owned(), "example.com".to_owned()];
        let at = |host, raw| read(host, raw, &bases);
        assert_eq!(at("photos.s3.example.com", "/a/b"), object("photos", "a/b"));
        assert_eq!(at("Photos.S3.Example.Com:9000", "/"), bucket("photos"));
        assert_eq!(at("a.b.c.s3.example.com.:443", "//x"), object("a.b.c", "/x"));
        assert_eq!(at("photos.example.com", "/a"), object("photos", "a"));
        assert_eq!(at("s3.example.com", "/photos/a"), object("photos", "a"));
    }

    #[test]
    fn any_other_host_means_path_style() {
        let bases = ["s3.example.com".to_owned()];
        for host in [
            "s3.example.com",
            "s3.example.com:80",
            "xs3.example.com",
            "example.com",
            "10.0.0.1:9000",
            "[::1]",
            "[::1]:9000",
            "localhost",
            "",
            "photos.s3.example.com.evil.org",
        ] {
            assert_eq!(read(host, "/photos/a", &bases), object("photos", "a"), "{host}");
        }
    }

    #[test]
    fn control_names_buckets_by_their_arns() {
        for raw in ["/v20180820/tags/arn:aws:s3:::photos", "/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Aphotos"] {
            assert!(is_control(raw));
            assert_eq!(control_resource(raw), Ok(Target::Resource("photos".parse().unwrap())), "{raw}");
        }
        for (raw, error) in [
            ("/v20180820/tags/arn:aws:s3:::photos/cat", TargetError::NotSupported),
            ("/v20180820/tags/arn:aws:s3:eu-west-1:1:accesspoint/a", TargetError::NotSupported),
            ("/v20180820/configuration/publicAccessBlock", TargetError::NotSupported),
            ("/v20180820/tags/arn:aws:s3:::A_B", TargetError::BucketName),
            ("/v20180820/tags/%ff", TargetError::Malformed),
        ] {
            assert_eq!(control_resource(raw), Err(error), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn no_request_makes_it_panic(host in ".*", path in ".*") {
            let _ = read(&host, &path, &["s3.example.com".to_owned(), String::new()]);
        }

        #[test]
        fn every_key_survives_its_encoding(key in "[^\0]{1,200}") {
            let mut raw = "/photos/".to_owned();
            uri::encode_path(key.as_bytes(), &mut raw);
            prop_assert_eq!(read("h", &raw, &[]), object("photos", &key));
        }
    }
}
