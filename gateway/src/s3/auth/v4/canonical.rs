//! A request in the form that signatures of version 4 cover.
//!
//! The signature itself is computed by `aws-sigv4` (`expected`), which keeps its canonical request to itself.
//! This one is what a `SignatureDoesNotMatch` shows to the client, and what the tests hold the engine against.

use std::borrow::Cow;
use std::fmt::Write;

use aws_lc_rs::digest;

use crate::s3::auth::service::Service;
use crate::s3::auth::time;
use crate::s3::error::S3Error;
use crate::s3::uri::{self, Query};

/// Names and values of headers, lower-case names, every value on its own.
pub(crate) type SignedHeaders<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// A request as it is signed: decoded once from the wire and encoded once in Amazon's way.
#[derive(Clone, Debug)]
pub(crate) struct Signable<'a> {
    /// The method.
    pub(crate) method: &'a str,
    /// The path.
    pub(crate) path: String,
    /// Names and values of the query, without the signature.
    pub(crate) query: Vec<(String, String)>,
    /// The signed headers.
    pub(crate) headers: SignedHeaders<'a>,
    /// The payload's line: a digest or a literal.
    pub(crate) payload: Cow<'a, str>,
}

impl Signable<'_> {
    /// The path of a raw path.
    pub(crate) fn encode_path(raw: &str) -> Result<String, S3Error> {
        let mut encoded = String::new();
        uri::encode_path(&uri::decode(raw)?, &mut encoded);
        Ok(encoded)
    }

    /// The pairs of a query.
    pub(crate) fn encode_query(query: &Query) -> Vec<(String, String)> {
        let encode = |text: &str| {
            let mut encoded = String::new();
            uri::encode_query(text.as_bytes(), &mut encoded);
            encoded
        };
        let signed = query.iter().filter(|(name, _)| *name != "X-Amz-Signature");
        signed.map(|(name, value)| (encode(name), encode(value))).collect()
    }

    /// Path and query, as the engine wants them.
    pub(crate) fn target(&self) -> String {
        let mut target = self.path.clone();
        for (index, (name, value)) in self.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.push_str(value);
        }
        target
    }

    /// The canonical request.
    pub(crate) fn canonical(&self) -> String {
        let mut pairs: Vec<_> = self.query.iter().map(|(name, value)| (name, value)).collect();
        pairs.sort_unstable();
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();

        let mut headers: Vec<(&str, String)> = Vec::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            match headers.iter_mut().find(|(known, _)| known == name) {
                Some((_, joined)) => {
                    joined.push(',');
                    joined.push_str(&collapse(value));
                }
                None => headers.push((name, collapse(value))),
            }
        }
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();

        let mut text = format!("{}\n{}\n{}\n", self.method, self.path, query.join("&"));
        for (name, value) in &headers {
            let _ = writeln!(text, "{name}:{value}");
        }
        let _ = write!(text, "\n{}\n{}", names.join(";"), self.payload);
        text
    }
}

/// A header's value without spaces around it and with one space where several stood.
fn collapse(value: &str) -> String {
    let mut collapsed = String::with_capacity(value.len());
    for piece in value.split(' ').filter(|piece| !piece.is_empty()) {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(piece);
    }
    collapsed
}

/// `20130524/us-east-1/s3/aws4_request`.
pub(crate) fn scope(seconds: i64, region: &str, service: Service) -> String {
    let date = time::basic(seconds);
    format!("{}/{region}/{}/aws4_request", &date[..8], service.word())
}

/// The text that the signing key signs.
pub(crate) fn string_to_sign(seconds: i64, (region, service): (&str, Service), canonical: &str) -> String {
    let digest = digest::digest(&digest::SHA256, canonical.as_bytes());
    format!(
        "{}\n{}\n{}\n{}",
        crate::s3::auth::v4::claim::ALGORITHM,
        time::basic(seconds),
        scope(seconds, region, service),
        hex::encode(digest.as_ref())
    )
}
