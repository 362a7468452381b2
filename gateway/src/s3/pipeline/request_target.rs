//! The target of a request: its host, path and query, taken from the wire once. The signature, the route, redirects,
//! `Location` and the access log all read this value, so that none of them can see another target than the others.

use http::request::Parts;
use http::{HeaderName, header};

use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::target::{self, Target, TargetError};
use crate::s3::uri::{self, Query};

/// What every request of S3 Control brings, and no other: the account it is about.
pub(super) const ACCOUNT_ID: HeaderName = HeaderName::from_static("x-amz-account-id");

/// Where a request goes. Nothing in it is normalised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestTarget {
    /// It is a request of S3 Control, which has paths of its own, under a host that begins with the account.
    control: bool,
    host: String,
    host_bucket: Option<String>,
    raw_path: String,
    raw_query: String,
    query: Query,
}

impl RequestTarget {
    /// Reads the target of a request whose host may be a bucket under one of these domains.
    ///
    /// # Errors
    /// `BadRequest`, closing the connection, when the host is missing, occurs twice, is none, or differs between the
    /// `Host` header and the target (`:authority`); `InvalidURI` for what is no path and query.
    pub fn read(head: &Parts, base_domains: &[String]) -> Result<Self, S3Error> {
        let raw = head.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        let read = Self::parse(host(head)?, raw, base_domains)?;
        if head.headers.contains_key(ACCOUNT_ID) && target::is_control(&read.raw_path) {
            return Ok(Self { control: true, host_bucket: None, ..read });
        }
        Ok(read)
    }

    /// A target from a host and a path with its query, both as they came over the wire.
    ///
    /// # Errors
    /// `InvalidURI` for what is no path and query.
    pub fn parse(host: &str, raw_target: &str, base_domains: &[String]) -> Result<Self, S3Error> {
        let (raw_path, raw_query) = uri::split(raw_target)?;
        Ok(Self {
            control: false,
            host: host.to_owned(),
            host_bucket: target::bucket_of_host(host, base_domains),
            raw_path: raw_path.to_owned(),
            raw_query: raw_query.to_owned(),
            query: Query::parse(raw_query)?,
        })
    }

    /// The host with its port, as the client wrote it; empty when an old client named none.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The bucket that the host names, in lower case; none in path style.
    #[must_use]
    pub fn host_bucket(&self) -> Option<&str> {
        self.host_bucket.as_deref()
    }

    /// The path, still encoded.
    #[must_use]
    pub fn raw_path(&self) -> &str {
        &self.raw_path
    }

    /// The query without its question mark, still encoded.
    #[must_use]
    pub fn raw_query(&self) -> &str {
        &self.raw_query
    }

    /// The decoded parameters.
    #[must_use]
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// What the target names.
    ///
    /// # Errors
    /// When the bucket or the key is not a valid one.
    pub fn resource(&self) -> Result<Target, TargetError> {
        match self.control {
            true => target::control_resource(&self.raw_path),
            false => target::resource(self.host_bucket(), &self.raw_path),
        }
    }

    /// Refuses a parameter with a meaning that occurs more than once: readers could disagree on which of them counts.
    /// `is_known` tells parameters with a meaning from others; the names that signatures bring have no case.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn refuse_repeated(&self, is_known: impl Fn(&str) -> bool) -> Result<(), S3Error> {
        let named = |name: &str| match is_header(name) {
            true => Some(name.to_ascii_lowercase()),
            false => is_known(name).then(|| name.to_owned()),
        };
        let mut names: Vec<String> = self.query.iter().filter_map(|(name, _)| named(name)).collect();
        // Sorted, because a query can hold thousands of names and nobody has proven anything yet.
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(twice) => Err(S3Error::argument("This query parameter may occur only once.", &twice[0], "")),
        }
    }
}

/// Whether a parameter stands for a header in a presigned URL.
fn is_header(name: &str) -> bool {
    name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
        || name.eq_ignore_ascii_case("content-type")
        || name.eq_ignore_ascii_case("content-md5")
}

/// The one host of a request.
fn host(head: &Parts) -> Result<&str, S3Error> {
    let bad = |why: &'static str| S3Error::with(Code::BadRequest, why).closing();
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (named, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(bad("Only one Host header is allowed"));
    }
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let named = named.map(|host| host.to_str().map_err(|_| bad("The Host header is not a host"))).transpose()?;
    let host = match (named, authority) {
        (None, None) if head.version >= http::Version::HTTP_11 => return Err(bad("A Host header is required")),
        (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
            return Err(bad("The Host header and the request target name different hosts"));
        }
        (named, authority) => named.or(authority).unwrap_or_default(),
    };
    if host.bytes().all(is_host_byte) { Ok(host) } else { Err(bad("The Host header is not a host")) }
}

/// Names, addresses in brackets, ports; no user, no path.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(uri: &str, hosts: &[&str]) -> Result<RequestTarget, S3Error> {
        let request = hosts.iter().fold(Request::builder().uri(uri), |request, host| request.header("host", *host));
        RequestTarget::read(&request.body(()).expect("a request").into_parts().0, &["s3.example.com".to_owned()])
    }

    #[test]
    fn the_host_is_one_wherever_it_is_named() {
        for (uri, hosts) in [
            ("/k?acl", &["photos.s3.example.com"][..]),
            ("http://photos.s3.example.com/k?acl", &[]),
            ("http://photos.s3.example.com/k?acl", &["Photos.S3.example.com"]),
        ] {
            let target = read(uri, hosts).expect("a target");
            assert_eq!(target.host_bucket(), Some("photos"), "{uri}");
            assert_eq!((target.raw_path(), target.raw_query()), ("/k", "acl"));
            assert!(matches!(target.resource(), Ok(Target::Object(bucket, _)) if bucket.as_str() == "photos"));
        }
        for (uri, hosts) in [
            ("http://photos.s3.example.com/k", &["other.s3.example.com"][..]),
            ("http://photos.s3.example.com/k", &["photos.s3.example.com", "photos.s3.example.com"]),
            ("http://user@photos.s3.example.com/k", &[]),
            ("/k", &["photos.s3.example.com/x"]),
            ("/k", &["a b"]),
            ("/k", &[]),
        ] {
            let refused = read(uri, hosts).expect_err(uri);
            assert_eq!((refused.code, refused.close), (Code::BadRequest, true), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn control_is_another_api_for_who_brings_its_header() {
        let read = |host: &str, headers: &[(&str, &str)]| {
            let request = Request::builder().uri("/v20180820/tags/arn:aws:s3:::photos").header("host", host);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let head = request.body(()).expect("a request").into_parts().0;
            RequestTarget::read(&head, &["s3.example.com".to_owned()])
                .expect("a target")
                .resource()
                .expect("a resource")
        };
        let photos = Target::Resource("photos".parse().expect("a name"));
        for host in ["1.s3.example.com", "1.localhost:9000", "localhost"] {
            assert_eq!(read(host, &[("x-amz-account-id", "1")]), photos, "{host}");
        }
        assert!(matches!(read("localhost", &[]), Target::Object(bucket, _) if bucket.as_str() == "v20180820"));
    }

    #[test]
    fn a_parameter_with_a_meaning_occurs_once() {
        let refused = |query: &str| {
            let target = RequestTarget::parse("h", &format!("/b/k?{query}"), &[]).expect("a target");
            target.refuse_repeated(|name| name == "versionId").err().map(|error| error.code)
        };
        for query in ["versionId=a&versionId=a", "versionId&x=1&versionId=b", "X-Amz-Date=1&x-amz-date=2"] {
            assert_eq!(refused(query), Some(Code::InvalidArgument), "{query}");
        }
        for query in ["versionId=a&versionid=b", "x=1&x=2", "", "X-Amz-Date=1"] {
            assert_eq!(refused(query), None, "{query}");
        }
    }
}
