//! Requests with the replies they got from one program, to be sent again to another.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde::{Deserialize, Serialize};

use crate::s3::xml;
use crate::{Reply, S3};

/// Headers whose values are kept. Others, such as the date, are new in each reply.
const HEADERS: [&str; 10] = [
    "etag",
    "last-modified",
    "content-type",
    "content-length",
    "content-encoding",
    "content-disposition",
    "content-language",
    "cache-control",
    "expires",
    "location",
];
const HEADERS_OF_S3: &str = "x-amz-";
/// Headers of S3 that are new in each reply, or depend on the day.
const HEADERS_OF_A_REPLY: [&str; 3] = ["x-amz-request-id", "x-amz-id-2", "x-amz-expiration"];
const ELEMENTS_OF_A_REPLY: [&str; 2] = ["RequestId", "HostId"];

/// One request and what it must be answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// Who sends it: a name in the fixture's keys.
    pub user: String,
    /// What it is signed for: `s3` or `iam`.
    pub service: String,
    /// `GET`, `HEAD`, or `POST` for IAM.
    pub method: String,
    /// Percent-encoded.
    pub path: String,
    /// As it was before it was encoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// More headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body: a form, for IAM.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The status of the reply.
    pub status: u16,
    /// Those headers of the reply that do not change from one to the next.
    pub reply_headers: BTreeMap<String, String>,
    /// The reply's body.
    pub reply: Expected,
}

/// What a body must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// An object's bytes.
    Content {
        /// How many.
        size: usize,
        /// Their SHA-256 in hexadecimal digits.
        sha256: String,
    },
    /// A document: its elements must be there, in this order, perhaps among others.
    Xml(String),
    /// A document that is the same up to its form.
    Json(serde_json::Value),
}

impl Exchange {
    /// A request whose reply is not known yet.
    #[must_use]
    pub fn new(user: &str, method: &Method, path: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            service: "s3".into(),
            method: method.to_string(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: String::new(),
            status: 0,
            reply_headers: BTreeMap::new(),
            reply: Expected::of_content(&[]),
        }
    }

    /// An action of IAM with its parameters.
    #[must_use]
    pub fn iam(user: &str, action: &str, parameters: &[(&str, &str)]) -> Self {
        let encode = |text: &str| crate::encode_key(text.as_bytes()).replace('/', "%2F");
        let form = parameters.iter().map(|(name, value)| format!("&{name}={}", encode(value)));
        let mut exchange = Self::new(user, &Method::POST, "/");
        exchange.service = "iam".into();
        exchange.headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
        exchange.body = format!("Action={action}&Version=2010-05-08{}", form.collect::<String>());
        exchange
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds headers.
    #[must_use]
    pub fn headers(mut self, headers: &[(&str, &str)]) -> Self {
        self.headers.extend(headers.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        self
    }

    /// Sends it as a user.
    ///
    /// # Errors
    /// No reply.
    pub async fn send(&self, user: &S3) -> Result<Reply> {
        let client = user.for_service(&self.service);
        let request = client.request(self.method.parse()?, self.path.clone()).body(self.body.clone());
        let request = self.query.iter().fold(request, |request, (name, value)| request.query(name, value));
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.send().await
    }

    /// Keeps a reply as the one that must come.
    ///
    /// # Errors
    /// Its body is not what its type says.
    pub fn record(&mut self, reply: &Reply) -> Result<()> {
        self.status = reply.status;
        let is_kept = |name: &str| {
            let of_s3 = name.starts_with(HEADERS_OF_S3) && !HEADERS_OF_A_REPLY.contains(&name);
            of_s3 || HEADERS.contains(&name)
        };
        let text = reply.text();
        let is_document = text.starts_with("<?xml");
        for (name, value) in &reply.headers {
            // The length of a document that may grow says nothing.
            if is_kept(name.as_str()) && !(is_document && name == "content-length") {
                self.reply_headers.insert(name.to_string(), value.to_str()?.to_owned());
            }
        }
        self.reply = match reply.header("content-type") {
            "application/json" => Expected::Json(serde_json::from_str(&text)?),
            _ if is_document => Expected::Xml(text),
            _ => Expected::of_content(&reply.body),
        };
        Ok(())
    }

    /// Sends it again and compares.
    ///
    /// # Errors
    /// Another reply, or none.
    pub async fn repeat(&self, user: &S3) -> Result<()> {
        let name = || format!("{} {} {:?} {}", self.method, self.path, self.query, self.body);
        let reply = self.send(user).await.with_context(name)?;
        ensure!(
            reply.status == self.status,
            "{}: {} instead of {}: {}",
            name(),
            reply.status,
            self.status,
            reply.text()
        );
        for (header, value) in &self.reply_headers {
            ensure!(reply.header(header) == value, "{}: {header} is {:?}, not {value:?}", name(), reply.header(header));
        }
        self.reply.compare(&reply).with_context(name)
    }
}

impl Expected {
    /// These bytes.
    #[must_use]
    pub fn of_content(content: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
        Self::Content { size: content.len(), sha256: hex::encode(digest) }
    }

    fn compare(&self, reply: &Reply) -> Result<()> {
        match self {
            Self::Content { .. } => {
                let got = Self::of_content(&reply.body);
                ensure!(got == *self, "{got:?} instead of {self:?}");
            }
            Self::Json(expected) => {
                let got: serde_json::Value = serde_json::from_slice(&reply.body)?;
                ensure!(got == *expected, "{got} instead of {expected}");
            }
            Self::Xml(expected) => {
                let (text, is_error) = (reply.text(), reply.status >= 400);
                let mut got = xml::leaves(&text).into_iter();
                for leaf in xml::leaves(expected) {
                    // Amazon's errors have no `Resource`, its lists of uploads no prefix that was not asked for, and its plain list of
                    // buckets no region, and nor have ours since.
                    let is_wording = is_error && matches!(leaf.0.as_str(), "Message" | "Resource");
                    let is_over = leaf.0 == "BucketRegion" || (leaf.0 == "Prefix" && leaf.1.is_empty());
                    if is_wording || is_over || ELEMENTS_OF_A_REPLY.contains(&leaf.0.as_str()) {
                        continue;
                    }
                    ensure!(got.any(|other| other == leaf), "no {leaf:?} in its place in {text}");
                }
            }
        }
        Ok(())
    }
}
