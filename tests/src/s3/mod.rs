//! A small S3 client of our own, written from the specification and not from the gateway's code: a second opinion.

mod connection;
mod iam;
mod reply;
mod sign;
pub(crate) mod xml;

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::Method;

pub use connection::OpenReply;
use connection::Pool;
pub use reply::{ListedPage, Reply};
use sign::Keys;
pub use sign::encode_key;

/// One user at one gateway. Connections are kept and used again.
#[derive(Clone)]
pub struct S3 {
    pool: Arc<Pool>,
    keys: Keys,
}

/// A request on its way.
pub struct Request<'a> {
    s3: &'a S3,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: connection::Body,
}

impl S3 {
    pub(crate) fn new(address: SocketAddr, access_key: &str, secret_key: &str) -> Self {
        let keys = Keys {
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            service: "s3".into(),
            token: None,
            clock_ahead: 0,
        };
        Self { pool: Arc::new(Pool::new(address)), keys }
    }

    /// The same user, whose requests are signed for another service: `iam` or `sts`.
    #[must_use]
    pub fn for_service(&self, service: &str) -> Self {
        let mut client = self.clone();
        client.keys.service = service.into();
        client
    }

    /// The same user, whose clock is ahead by so many seconds.
    #[must_use]
    pub fn with_clock_ahead(&self, seconds: i64) -> Self {
        let mut client = self.clone();
        client.keys.clock_ahead = seconds;
        client
    }

    /// Any request; `path` is percent-encoded already.
    pub fn request(&self, method: Method, path: impl Into<String>) -> Request<'_> {
        let body = connection::Body::Whole(Bytes::new());
        Request { s3: self, method, path: path.into(), query: Vec::new(), headers: Vec::new(), body }
    }

    /// A request on an object.
    pub fn on(&self, method: Method, bucket: &str, key: &str) -> Request<'_> {
        self.request(method, format!("/{bucket}/{}", encode_key(key.as_bytes())))
    }

    /// `PUT /bucket`, which must succeed.
    ///
    /// # Errors
    /// It did not.
    pub async fn create_bucket(&self, bucket: &str) -> Result<()> {
        self.request(Method::PUT, format!("/{bucket}")).send().await?.ok().map(drop)
    }

    /// PutObject.
    ///
    /// # Errors
    /// No reply.
    pub async fn put(&self, bucket: &str, key: &str, body: impl Into<Bytes>) -> Result<Reply> {
        self.on(Method::PUT, bucket, key).body(body).send().await
    }

    /// GetObject.
    ///
    /// # Errors
    /// No reply, or one that broke off.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Reply> {
        self.on(Method::GET, bucket, key).send().await
    }

    /// GetObject with a range of bytes.
    ///
    /// # Errors
    /// No reply, or one that broke off.
    pub async fn get_range(&self, bucket: &str, key: &str, range: Range<u64>) -> Result<Reply> {
        let value = format!("bytes={}-{}", range.start, range.end - 1);
        self.on(Method::GET, bucket, key).header("range", value).send().await
    }

    /// HeadObject.
    ///
    /// # Errors
    /// No reply.
    pub async fn head(&self, bucket: &str, key: &str) -> Result<Reply> {
        self.on(Method::HEAD, bucket, key).send().await
    }

    /// DeleteObject.
    ///
    /// # Errors
    /// No reply.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<Reply> {
        self.on(Method::DELETE, bucket, key).send().await
    }

    /// One page of ListObjectsV2.
    ///
    /// # Errors
    /// No page.
    pub async fn list_page(&self, bucket: &str, query: &[(&str, &str)]) -> Result<ListedPage> {
        let request =
            self.request(Method::GET, format!("/{bucket}")).query("list-type", "2").query("encoding-type", "url");
        let request = query.iter().fold(request, |request, (name, value)| request.query(name, *value));
        Ok(ListedPage::read(&request.send().await?.ok()?))
    }

    /// All pages: the keys and the common prefixes, in the order they came.
    ///
    /// # Errors
    /// A page failed.
    pub async fn list(&self, bucket: &str, query: &[(&str, &str)]) -> Result<(Vec<String>, Vec<String>)> {
        let (mut keys, mut prefixes, mut token) = (Vec::new(), Vec::new(), None::<String>);
        loop {
            let mut query = query.to_vec();
            if let Some(token) = &token {
                query.retain(|(name, _)| *name != "continuation-token");
                query.push(("continuation-token", token));
            }
            let page = self.list_page(bucket, &query).await?;
            keys.extend(page.keys);
            prefixes.extend(page.prefixes);
            match page.next {
                Some(next) => token = Some(next),
                None => return Ok((keys, prefixes)),
            }
        }
    }

    /// Reads the body of a reply, which must be the payload.
    ///
    /// # Errors
    /// It broke off, or is something else.
    pub async fn read_payload(&self, reply: OpenReply, payload: &crate::Payload) -> Result<()> {
        self.pool.read_payload(reply, payload).await
    }

    /// CreateMultipartUpload: the upload's id.
    ///
    /// # Errors
    /// No upload was made.
    pub async fn create_upload(&self, bucket: &str, key: &str) -> Result<String> {
        let reply = self.on(Method::POST, bucket, key).query("uploads", "").send().await?.ok()?;
        reply.text_of("UploadId")
    }

    /// UploadPart: the part's ETag.
    ///
    /// # Errors
    /// It was refused.
    pub async fn put_part(&self, bucket: &str, key: &str, upload: &str, number: u32, body: Bytes) -> Result<String> {
        let request =
            self.on(Method::PUT, bucket, key).query("partNumber", number.to_string()).query("uploadId", upload);
        Ok(request.body(body).send().await?.ok()?.etag())
    }

    /// CompleteMultipartUpload with these parts.
    ///
    /// # Errors
    /// No reply.
    pub async fn complete(&self, bucket: &str, key: &str, upload: &str, parts: &[(u32, String)]) -> Result<Reply> {
        let list: String = parts
            .iter()
            .map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"))
            .collect();
        let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        self.on(Method::POST, bucket, key).query("uploadId", upload).body(body).send().await
    }
}

impl Request<'_> {
    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a header, which is signed.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body, whose hash is signed.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = connection::Body::Whole(body.into());
        self
    }

    /// Sets a body and the checksum of it that some operations demand.
    #[must_use]
    pub fn checked(self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body);
        self.header("x-amz-checksum-sha256", BASE64_STANDARD.encode(digest)).body(body)
    }

    /// Sets a body that is made while it is sent: nobody holds all of it. Its hash is not signed.
    #[must_use]
    pub fn streamed(mut self, payload: crate::Payload) -> Self {
        self.body = connection::Body::Streamed(payload);
        self
    }

    /// Sends it and reads the whole reply.
    ///
    /// # Errors
    /// No connection, no reply, or one that broke off.
    pub async fn send(self) -> Result<Reply> {
        let pool = Arc::clone(&self.s3.pool);
        pool.send(self.signed()?).await
    }

    /// Sends it and checks the body of the reply while it comes, holding none of it.
    ///
    /// # Errors
    /// No reply, not 200, or bytes that are not the payload's.
    pub async fn expect_payload(self, payload: &crate::Payload) -> Result<()> {
        let pool = Arc::clone(&self.s3.pool);
        pool.expect_payload(self.signed()?, payload).await
    }

    /// Sends it and reads the head of a reply that must be a success. Its body stays where it is until
    /// [`read_payload`](S3::read_payload).
    ///
    /// # Errors
    /// No reply, or no success.
    pub async fn begin(self) -> Result<OpenReply> {
        let pool = Arc::clone(&self.s3.pool);
        pool.begin(self.signed()?).await
    }

    /// The request as it goes over the wire, up to the end of its head.
    ///
    /// # Errors
    /// A header is no header.
    pub fn head_text(self) -> Result<String> {
        let request = self.signed()?;
        let mut text = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            text.push_str(&format!("{name}: {}\r\n", value.to_str()?));
        }
        Ok(text + "\r\n")
    }

    fn signed(self) -> Result<http::Request<connection::Body>> {
        let host = self.s3.pool.address().to_string();
        sign::sign(&self.s3.keys, &host, self.method, &self.path, self.query, self.headers, self.body)
    }
}

/// `bytes` random bytes as hex.
pub(crate) fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system has random bytes");
    hex::encode(random)
}
