//! One website request: from host and path to a response.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use crate::domain::{Bucket, ObjectKey};
use crate::policy::Permission;
use crate::s3::auth::{Identity, Payload};
use crate::s3::body::check_framing;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::object_headers::WEBSITE_REDIRECT;
use crate::s3::pipeline::operation_input::OperationInput;
use crate::s3::pipeline::request::S3Request;
use crate::s3::pipeline::request_id::RequestId;
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::pipeline::state::S3State;
use crate::s3::respond::Response;
use crate::s3::website::location::{bucket_of, folder, location};
use crate::s3::website::page;
use crate::s3::website::reply::{name_error, redirect};
use crate::s3::{ops, uri};
use crate::web::{Redirection, WebsiteConfiguration};

/// What a visitor's browser or cache may ask of a read. Everything else a request brings means nothing here.
const READING: [header::HeaderName; 6] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
];

/// Headers that conditions of the bucket's policy may use: images are often restricted by referer.
const ABOUT: [header::HeaderName; 2] = [header::REFERER, header::USER_AGENT];

/// A website request.
struct WebsiteRequest<'a> {
    state: &'a Arc<S3State>,
    bucket: Arc<Bucket>,
    site: Arc<WebsiteConfiguration>,
    head: Parts,
    target: RequestTarget,
    /// The path without its first slash, decoded.
    path: String,
    id: RequestId,
}

/// Answers a request; `seen` is set to the bucket, once it is known.
pub(super) async fn answer(
    state: &Arc<S3State>,
    domains: &[String],
    head: Parts,
    id: RequestId,
    seen: &mut Option<Arc<Bucket>>,
) -> Result<Response, S3Error> {
    check_framing(&head)?;
    let target = RequestTarget::read(&head, domains)?;
    let requested_host = target.host();
    let missing = || S3Error::new(Code::NoSuchBucket).field("BucketName", requested_host);
    let name = bucket_of(requested_host, domains).ok_or_else(missing)?;
    let bucket = state.metadata.bucket(&name).await?.ok_or_else(missing)?;
    *seen = Some(bucket.clone());
    if head.method == Method::OPTIONS {
        return ops::preflight(&head, &bucket, "OBJECT");
    }
    let site = bucket.settings.get::<WebsiteConfiguration>()?;
    let none = || S3Error::new(Code::NoSuchWebsiteConfiguration).field("BucketName", name.as_str());
    let site = site.ok_or_else(none)?;
    if head.method != Method::GET && head.method != Method::HEAD {
        let error = S3Error::new(Code::MethodNotAllowed).field("Method", head.method.as_str());
        return Err(error.field("ResourceType", "OBJECT").closing());
    }
    let path = uri::decode(target.raw_path().strip_prefix('/').unwrap_or(target.raw_path()))?;
    let path = String::from_utf8(path).map_err(|_| Code::InvalidURI)?;
    WebsiteRequest { state, bucket, site, head, target, path, id }.answer().await
}

impl WebsiteRequest<'_> {
    async fn answer(&self) -> Result<Response, S3Error> {
        if let Some(to) = self.site.redirection(&self.path) {
            return self.redirected(&to);
        }
        match self.read(&self.site.key_of(&self.path), true).await {
            Ok(response) => Ok(followed(response)),
            Err(error) => self.failed(error).await,
        }
    }

    fn redirected(&self, to: &Redirection) -> Result<Response, S3Error> {
        let status = StatusCode::from_u16(to.status).unwrap_or(StatusCode::MOVED_PERMANENTLY);
        let url = location(to, &self.head, &self.target);
        url.map(|url| redirect(status, url)).ok_or_else(|| Code::InvalidURI.into())
    }

    /// Reads a key as an anonymous caller.
    async fn read(&self, key: &str, conditionally: bool) -> Result<Response, S3Error> {
        let text = key;
        let key = ObjectKey::new(key.to_owned()).map_err(|_| S3Error::from(Code::KeyTooLongError))?;
        let mut request = self.request(conditionally);
        let missing = |error: &S3Error| error.code == Code::NoSuchKey;
        let may_list = request.permits(Permission("s3:ListBucket"), &self.bucket, None).await?;
        if let Err(denied) = request.authorize(&self.bucket, Some(&key)).await {
            // Only what is there can be forbidden to a caller who may list.
            let hidden = !may_list || self.state.objects.current(&self.bucket, &key).await?.is_some();
            return Err(if hidden { denied } else { S3Error::new(Code::NoSuchKey).field("Key", text) });
        }
        match ops::read_object(request, self.bucket.clone(), key).await {
            // A caller who may not list must not learn that a key is missing.
            Err(error) if missing(&error) && !may_list => Err(Code::AccessDenied.into()),
            Err(error) if missing(&error) => Err(S3Error::new(Code::NoSuchKey).field("Key", text)),
            other => other,
        }
    }

    /// The request as an anonymous `GetObject`.
    fn request(&self, conditionally: bool) -> S3Request {
        let mut head = self.head.clone();
        head.headers = HeaderMap::new();
        for name in READING.into_iter().filter(|_| conditionally).chain(ABOUT) {
            if let Some(value) = self.head.headers.get(&name) {
                head.headers.insert(name, value.clone());
            }
        }
        S3Request {
            state: Arc::clone(self.state),
            head,
            target: RequestTarget::default(),
            identity: Identity::Anonymous,
            signature: None,
            payload: Payload::Unsigned,
            body: Mutex::new(Body::empty()),
            id: self.id,
            permission: Permission("s3:GetObject"),
            input: OperationInput::default(),
            found: None,
            ongoing_read: Some(self.state.objects.begin_read()),
        }
    }

    async fn failed(&self, error: S3Error) -> Result<Response, S3Error> {
        let absent = matches!(error.code, Code::NoSuchKey | Code::AccessDenied);
        if absent && let Some(url) = self.folder().await? {
            return Ok(redirect(StatusCode::FOUND, url));
        }
        if let Some(to) = self.site.redirection_after(&self.path, error.status().as_u16()) {
            return self.redirected(&to);
        }
        // A condition or a range that fails is between the browser and its cache: no page for people.
        let shown = error.status().is_client_error() && !matches!(error.status().as_u16(), 412 | 416);
        let Some(key) = self.site.error.as_deref().filter(|_| shown) else { return Err(error) };
        match self.read(key, false).await {
            // An error document may itself be a redirect.
            Ok(response) if response.headers().contains_key(WEBSITE_REDIRECT) => Ok(followed(response)),
            Ok(mut response) => {
                *response.status_mut() = error.status();
                name_error(&error, &mut response);
                Ok(response)
            }
            Err(second) => Ok(page::show(&error, Some(&second), &self.request(false).info())),
        }
    }

    /// Where the index of the path is, if the path is a folder that was asked for without its slash.
    async fn folder(&self) -> Result<Option<http::HeaderValue>, S3Error> {
        let Some(Ok(key)) = self.site.index_below(&self.path).map(ObjectKey::new) else { return Ok(None) };
        let request = self.request(false);
        let readable = request.permits(Permission("s3:GetObject"), &self.bucket, Some(&key)).await?;
        if !readable || self.state.objects.current(&self.bucket, &key).await?.is_none() {
            return Ok(None);
        }
        Ok(folder(&self.path))
    }
}

/// An object may itself be a redirect.
fn followed(response: Response) -> Response {
    match response.headers().get(WEBSITE_REDIRECT) {
        Some(url) if response.status().is_success() => redirect(StatusCode::MOVED_PERMANENTLY, url.clone()),
        _ => response,
    }
}
