//! Signature version 4 in the Authorization header.

use anyhow::Result;
use aws_lc_rs::{digest, hmac};
use http::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use time::OffsetDateTime;
use time::macros::format_description;

use super::connection::Body;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const KEY: &AsciiSet = &UNRESERVED.remove(b'/');
const REGION: &str = "us-east-1";

/// Who signs.
#[derive(Clone)]
pub struct Keys {
    pub access_key: String,
    pub secret_key: String,
    /// What the signature is for: `s3`, `iam` or `sts`.
    pub service: String,
    /// What temporary keys must come with.
    pub token: Option<String>,
    /// How many seconds the clock that requests are signed by is ahead.
    pub clock_ahead: i64,
}

/// A key as it stands in a path.
#[must_use]
pub fn encode_key(key: &[u8]) -> String {
    percent_encode(key, KEY).to_string()
}

/// A request with its signature over the path, the query, every header and the body's hash.
pub fn sign(
    keys: &Keys,
    host: &str,
    method: Method,
    path: &str,
    mut query: Vec<(String, String)>,
    mut headers: Vec<(String, String)>,
    body: Body,
) -> Result<Request<Body>> {
    let now = OffsetDateTime::now_utc() + time::Duration::seconds(keys.clock_ahead);
    let date = now.format(format_description!("[year][month][day]"))?;
    let instant = now.format(format_description!("[year][month][day]T[hour][minute][second]Z"))?;
    let hash = match &body {
        Body::Whole(bytes) => sha256(bytes),
        Body::Streamed(_) => "UNSIGNED-PAYLOAD".to_owned(),
    };
    query.sort();
    let query = query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    let query = query.collect::<Vec<_>>().join("&");

    headers.push(("host".into(), host.into()));
    headers.push(("x-amz-date".into(), instant.clone()));
    headers.extend(keys.token.iter().map(|token| ("x-amz-security-token".into(), token.clone())));
    if !headers.iter().any(|(name, _)| name == "x-amz-content-sha256") {
        headers.push(("x-amz-content-sha256".into(), hash));
    }
    headers.sort();
    let hash = headers.iter().find(|(name, _)| name == "x-amz-content-sha256").map(|(_, value)| value.clone());
    // A header that comes twice is named once, with both values.
    let same = headers.chunk_by(|(one, _), (other, _)| one == other);
    let joined = same.filter_map(|values| {
        let texts: Vec<_> = values.iter().map(|(_, value)| value.trim()).collect();
        values.first().map(|(name, _)| (name.as_str(), texts.join(",")))
    });
    let joined: Vec<_> = joined.collect();
    let canonical_headers: String = joined.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let signed = joined.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let canonical = format!("{method}\n{path}\n{query}\n{canonical_headers}\n{signed}\n{}", hash.unwrap_or_default());

    let service = keys.service.as_str();
    let scope = format!("{date}/{REGION}/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{instant}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let mut key = format!("AWS4{}", keys.secret_key).into_bytes();
    for part in [&date, REGION, service, "aws4_request"] {
        key = mac(&key, part);
    }
    let signature = hex::encode(mac(&key, &to_sign));

    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
        keys.access_key
    );
    Ok(request.header("authorization", authorization).header("content-length", body.len()).body(body)?)
}

fn encode(text: &str) -> String {
    percent_encode(text.as_bytes(), UNRESERVED).to_string()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}
