//! What a signature of version 4 claims: whose it is, when and where it was made, and what it covers.

use std::cmp::Ordering;

use crate::s3::auth::service::Service;
use crate::s3::auth::time;
use crate::s3::body::HEADERS_MAX;
use crate::s3::error::{Code, S3Error};

/// The one algorithm of version 4 that is accepted.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A claim, parsed and not yet believed.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    /// The public half of the access key.
    pub(crate) access_key: &'a str,
    /// The region of the credential scope.
    pub(crate) region: &'a str,
    /// The service of the credential scope.
    pub(crate) service: Service,
    /// Seconds since the epoch of the date the request was signed with.
    pub(crate) time: i64,
    /// The names in `SignedHeaders`, as given.
    pub(crate) signed_headers: Vec<&'a str>,
    /// The signature.
    pub(crate) signature: [u8; 32],
    /// Where the signature was found: selects the error text.
    pub(crate) location: SignatureLocation,
}

impl<'a> Claim<'a> {
    /// A claim with this credential.
    pub(crate) fn new(
        credential: Credential<'a>,
        time: i64,
        signed_headers: Vec<&'a str>,
        signature: [u8; 32],
        location: SignatureLocation,
    ) -> Self {
        let Credential { access_key, region, service, .. } = credential;
        Self { access_key, region, service, time, signed_headers, signature, location }
    }
}

/// Where a signature travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureLocation {
    /// In the `Authorization` header.
    Header,
    /// In the query.
    Query,
}

impl SignatureLocation {
    /// The error for a claim that cannot even be read.
    pub(crate) fn malformed(self, why: &str) -> S3Error {
        match self {
            Self::Header => S3Error::with(
                Code::AuthorizationHeaderMalformed,
                format!("The authorization header is malformed; {why}"),
            ),
            Self::Query => S3Error::with(Code::AuthorizationQueryParametersError, why.to_owned()),
        }
    }
}

/// The parts of `ACCESSKEY/20130524/us-east-1/s3/aws4_request`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credential<'a> {
    pub(crate) access_key: &'a str,
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: Service,
}

impl<'a> Credential<'a> {
    /// Reads a credential for one of these services.
    pub(crate) fn parse(text: &'a str, location: SignatureLocation, services: &[Service]) -> Result<Self, S3Error> {
        let malformed = || {
            let why = "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
            match location {
                SignatureLocation::Header => location.malformed(why),
                SignatureLocation::Query => {
                    location.malformed(&format!("Error parsing the X-Amz-Credential parameter; {why}"))
                }
            }
        };
        // From the right: an access key may hold slashes, nothing else does.
        let mut parts = text.rsplitn(5, '/');
        let mut next = || parts.next().ok_or_else(malformed);
        let (terminal, service, region, date, access_key) = (next()?, next()?, next()?, next()?, next()?);
        // The region may be empty: boto3 signs so when none is configured.
        if [terminal, service, date, access_key].contains(&"") {
            return Err(malformed());
        }
        if terminal != "aws4_request" {
            return Err(location.malformed(&format!(
                "incorrect terminal \"{}\". This endpoint uses \"aws4_request\".",
                shown(terminal)
            )));
        }
        let Some(known) = services.iter().find(|known| known.word() == service) else {
            let words: Vec<_> = services.iter().map(|known| known.word()).collect();
            return Err(location.malformed(&format!(
                "incorrect service \"{}\". This endpoint belongs to \"{}\".",
                shown(service),
                words.join("\" or \"")
            )));
        };
        Ok(Self { access_key, date, region, service: *known })
    }

    /// The date of the scope must be the day of the request.
    pub(crate) fn check_date(&self, time: i64, location: SignatureLocation) -> Result<(), S3Error> {
        if time::is_day(self.date, time) {
            return Ok(());
        }
        Err(match location {
            SignatureLocation::Header => S3Error::with(
                Code::SignatureDoesNotMatch,
                "The date in the credential scope does not match the date of the request.",
            ),
            SignatureLocation::Query => {
                location.malformed("Invalid credential date. This date is not the same as X-Amz-Date.")
            }
        })
    }
}

/// The most names in `SignedHeaders`: as many as a request has headers, and the `Host` that HTTP/2 does not have.
const SIGNED_HEADERS_MAX: usize = HEADERS_MAX + 1;

/// Names in `SignedHeaders`: sorted, each once, `host` among them. The order is that of the canonical request, so a list
/// in another order signs nothing, which is also how Amazon answers it; and a name that could be repeated would make the
/// canonical request larger than the request.
pub(crate) fn signed_headers(text: &str, location: SignatureLocation) -> Result<Vec<&str>, S3Error> {
    let malformed = || location.malformed("the SignedHeaders parameter is malformed.");
    if text.split(';').any(str::is_empty) {
        return Err(malformed());
    }
    if !text.split(';').is_sorted_by(|one, next| compare_names(one, next).is_lt()) {
        return Err(Code::SignatureDoesNotMatch.into());
    }
    let names: Vec<&str> = text.split(';').take(SIGNED_HEADERS_MAX + 1).collect();
    if names.len() > SIGNED_HEADERS_MAX {
        return Err(malformed());
    }
    if !is_signed(&names, "host") {
        return Err(S3Error::with(
            Code::AccessDenied,
            "There were headers present in the request which were not signed",
        )
        .field("HeadersNotSigned", "host"));
    }
    Ok(names)
}

/// Whether a header is among the names of [`signed_headers`].
pub(crate) fn is_signed(names: &[&str], header: &str) -> bool {
    names.binary_search_by(|name| compare_names(name, header)).is_ok()
}

/// Compares names as they are written in a canonical request: in lower case.
fn compare_names(one: &str, other: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(lower).cmp(other.bytes().map(lower))
}

/// The signature's bytes; anything but 64 hexadecimal digits can match nothing.
pub(crate) fn signature(text: &str) -> Result<[u8; 32], S3Error> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| S3Error::new(Code::SignatureDoesNotMatch))?;
    Ok(bytes)
}

/// Text of the client's as it may stand in an error message: short.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_read_from_the_right() {
        let parsed =
            Credential::parse("AK/ID/20130524/us-east-1/s3/aws4_request", SignatureLocation::Header, &[Service::S3])
                .expect("parses");
        assert_eq!(
            parsed,
            Credential { access_key: "AK/ID", date: "20130524", region: "us-east-1", service: Service::S3 }
        );
    }

    #[test]
    fn a_credential_for_anything_else_is_refused_in_the_words_of_its_place() {
        for text in [
            "",
            "AK",
            "AK/20130524/us-east-1/s3",
            "AK//us-east-1/s3/aws4_request",
            "/20130524/us-east-1/s3/aws4_request",
            "AK/20130524/r/iam/aws4_request",
            "AK/20130524/r/s3/aws5",
        ] {
            let header = Credential::parse(text, SignatureLocation::Header, &[Service::S3]).expect_err("refused");
            assert_eq!(header.code, Code::AuthorizationHeaderMalformed, "{text}");
            let query = Credential::parse(text, SignatureLocation::Query, &[Service::S3]).expect_err("refused");
            assert_eq!(query.code, Code::AuthorizationQueryParametersError, "{text}");
        }
    }

    #[test]
    fn host_must_be_signed() {
        assert_eq!(signed_headers("host;range", SignatureLocation::Header).expect("fine"), ["host", "range"]);
        assert_eq!(signed_headers("range", SignatureLocation::Header).expect_err("refused").code, Code::AccessDenied);
        assert!(signed_headers("host;;range", SignatureLocation::Query).is_err());
    }

    #[test]
    fn signed_headers_are_sorted_and_each_is_named_once() {
        let refused = |text: &str, location| signed_headers(text, location).expect_err("refused").code;
        for location in [SignatureLocation::Header, SignatureLocation::Query] {
            for text in ["host;host", "range;host", "host;range;range", "Host;host", "host;X-Amz-Date;x-amz-acl"] {
                assert_eq!(refused(text, location), Code::SignatureDoesNotMatch, "{text}");
            }
        }
        let many = |count: usize| (0..count).map(|number| format!(";x{number:04}")).collect::<String>();
        assert_eq!(
            signed_headers(&format!("host{}", many(HEADERS_MAX)), SignatureLocation::Header)
                .expect("as many as there can be")
                .len(),
            HEADERS_MAX + 1
        );
        for count in [HEADERS_MAX + 1, 7_000] {
            let text = format!("host{}", many(count));
            assert_eq!(refused(&text, SignatureLocation::Header), Code::AuthorizationHeaderMalformed);
            assert_eq!(refused(&text, SignatureLocation::Query), Code::AuthorizationQueryParametersError);
        }
        let names = signed_headers("Host;X-Amz-Date;x-amz-meta-a", SignatureLocation::Header).expect("fine");
        assert!(is_signed(&names, "host") && is_signed(&names, "x-amz-date") && is_signed(&names, "x-amz-meta-a"));
        assert!(!is_signed(&names, "x-amz-meta") && !is_signed(&names, "range"));
    }
}
