//! The gateway that is written to, and what is known of its content.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use base64::Engine;
use harness::{Expected, Fixture, OpenUpload, Payload, Reply, S3, TestGateway, encode_key};
use http::Method;
use md5::Digest;

/// What writes the fixture.
pub struct Writer {
    /// The program.
    pub gateway: TestGateway,
    /// The manifest.
    pub fixture: Fixture,
    /// What was written, by bucket, key and version.
    pub contents: BTreeMap<(String, String, String), Expected>,
}

impl Writer {
    /// A writer to a gateway that is empty.
    pub fn new(gateway: TestGateway, written_by: String) -> Self {
        let (access_key, secret_key) = gateway.root_keys();
        let keys = BTreeMap::from([("root".to_owned(), (access_key.to_owned(), secret_key.to_owned()))]);
        let open_upload =
            OpenUpload { bucket: String::new(), key: String::new(), id: String::new(), parts: Vec::new() };
        let fixture = Fixture {
            written_by,
            keys,
            exchanges: Vec::new(),
            commands: Vec::new(),
            open_upload,
            notifications: Vec::new(),
        };
        Self { gateway, fixture, contents: BTreeMap::new() }
    }

    /// The root user.
    pub fn root(&self) -> S3 {
        self.gateway.root()
    }

    /// A user that was made.
    pub fn user(&self, name: &str) -> Result<S3> {
        self.fixture.user(&self.gateway, name)
    }

    /// An object of the root user.
    pub async fn put(&mut self, bucket: &str, key: &str, size: u64, headers: &[(&str, &str)]) -> Result<Reply> {
        let payload = Payload::new(key, self.contents.len() as u64, size);
        let root = self.root();
        let content = payload.bytes();
        let request = root.on(Method::PUT, bucket, key).header("content-md5", md5(&content)).body(content.clone());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
        let reply = request.send().await?.ok()?;
        self.holds(bucket, key, &reply, &content);
        Ok(reply)
    }

    /// Remembers the content of the version that a reply names.
    pub fn holds(&mut self, bucket: &str, key: &str, reply: &Reply, content: &[u8]) {
        self.contents.insert((bucket.into(), key.into(), version_of(reply)), Expected::of_content(content));
    }

    /// A copy of an object in a bucket without versions, `/bucket/key`.
    pub async fn copy(&mut self, from: &str, bucket: &str, key: &str, headers: &[(&str, &str)]) -> Result<()> {
        let root = self.root();
        let request = root.on(Method::PUT, bucket, key).header("x-amz-copy-source", encode_key(from.as_bytes()));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
        let reply = request.send().await?.ok()?;
        let (source, name) = from.trim_start_matches('/').split_once('/').context("a source has a bucket and a key")?;
        let content = self.contents.get(&(source.into(), name.into(), "null".into())).context("a known source")?;
        let copy = (bucket.into(), key.into(), version_of(&reply));
        self.contents.insert(copy, content.clone());
        Ok(())
    }

    /// A document of a bucket or object.
    pub async fn set(&self, path: &str, parameter: &str, document: &str) -> Result<()> {
        let root = self.root();
        let digest = md5(document.as_bytes());
        let request = root.request(Method::PUT, path).query(parameter, "").header("content-md5", digest);
        request.body(document.to_owned()).send().await?.ok().map(drop)
    }
}

fn md5(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(bytes))
}

fn version_of(reply: &Reply) -> String {
    match reply.header("x-amz-version-id") {
        "" => "null".into(),
        version => version.into(),
    }
}
