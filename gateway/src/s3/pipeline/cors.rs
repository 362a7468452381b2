//! CORS headers of responses.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::domain::Bucket;
use crate::s3::error::S3Error;
use crate::web::{CorsConfiguration, CorsGrant};

/// What a reply depends on besides its URL, once a bucket has rules.
pub const VARY: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Headers, Access-Control-Request-Method");

/// The longest origin that is looked at, in bytes, and the most headers that a page may ask about. Whoever asks is nobody
/// known, and each is held against every pattern of the bucket.
const ORIGIN_BYTES_MAX: usize = 2_048;
const HEADERS_ASKED_MAX: usize = 100;

/// The CORS headers of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRequest {
    /// `Origin`.
    pub origin: String,
    /// The method the page will use: of the request, or what a preflight asks about.
    pub method: String,
    /// The headers a preflight asks about.
    pub headers: Vec<String>,
}

impl CorsRequest {
    /// Reads it; `None` for a request that no page sent, or that no browser would send: what it asks about has bounds.
    #[must_use]
    pub fn read(method: &Method, headers: &HeaderMap) -> Option<Self> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let origin = text(header::ORIGIN).filter(|origin| origin.len() <= ORIGIN_BYTES_MAX)?.to_owned();
        let method = text(header::ACCESS_CONTROL_REQUEST_METHOD).unwrap_or(method.as_str()).to_owned();
        let requested = text(header::ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let names = requested.split(',').map(str::trim).filter(|name| !name.is_empty());
        let headers: Vec<_> = names.take(HEADERS_ASKED_MAX + 1).map(str::to_owned).collect();
        (headers.len() <= HEADERS_ASKED_MAX).then_some(Self { origin, method, headers })
    }

    /// What the rules grant to it.
    #[must_use]
    pub fn evaluate<'a>(&'a self, rules: &'a CorsConfiguration) -> Option<CorsGrant<'a>> {
        let headers: Vec<_> = self.headers.iter().map(String::as_str).collect();
        rules.grant(&self.origin, &self.method, &headers)
    }
}

/// Adds what the rules of a bucket say to the reply to a request. Caches must keep replies to pages of different origins
/// apart even when the first of them came without an origin, so `Vary` is there whenever there are rules.
///
/// # Errors
/// When the rules of the bucket cannot be read.
pub fn decorate(bucket: &Bucket, cors_request: Option<&CorsRequest>, reply: &mut HeaderMap) -> Result<(), S3Error> {
    let Some(rules) = bucket.settings.get::<CorsConfiguration>()? else { return Ok(()) };
    reply.append(header::VARY, VARY);
    if let Some(cors_request) = cors_request
        && let Some(grant) = cors_request.evaluate(&rules)
    {
        write(&grant, cors_request, reply);
    }
    Ok(())
}

/// Writes what is granted.
pub fn write(grant: &CorsGrant<'_>, cors_request: &CorsRequest, reply: &mut HeaderMap) {
    let mut put = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            reply.insert(name, value);
        }
    };
    put(header::ACCESS_CONTROL_ALLOW_ORIGIN, grant.origin);
    put(header::ACCESS_CONTROL_ALLOW_METHODS, &grant.rule.methods.join(", "));
    if !cors_request.headers.is_empty() {
        put(header::ACCESS_CONTROL_ALLOW_HEADERS, &cors_request.headers.join(", ").to_ascii_lowercase());
    }
    if !grant.rule.exposed.is_empty() {
        put(header::ACCESS_CONTROL_EXPOSE_HEADERS, &grant.rule.exposed.join(", "));
    }
    if let Some(seconds) = grant.rule.max_age_seconds {
        put(header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    if grant.credentials() {
        put(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_asks_about_has_bounds() {
        let read = |origin: String, requested: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::try_from(origin).unwrap());
            headers.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::try_from(requested).unwrap());
            CorsRequest::read(&Method::GET, &headers).map(|cors_request| cors_request.headers.len())
        };
        assert_eq!(read("http://a".to_owned(), "a, b".to_owned()), Some(2));
        assert_eq!(read("http://a".to_owned(), "a,".repeat(HEADERS_ASKED_MAX)), Some(HEADERS_ASKED_MAX));
        assert_eq!(read("http://a".to_owned(), "a,".repeat(HEADERS_ASKED_MAX + 1)), None);
        assert_eq!(read("a".repeat(ORIGIN_BYTES_MAX + 1), String::new()), None);
    }
}
