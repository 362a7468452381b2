//! Buckets as websites: anonymous GET and HEAD on a listener of its own, where the host names the bucket.
//!
//! 1. The host says which bucket, its website configuration how it answers.
//! 2. A redirect of everything, or a routing rule on the key, answers before anything is read.
//! 3. A path that ends a folder is answered by the folder's index document; a folder without its slash is redirected.
//! 4. What an anonymous caller may read is read as `GetObject` reads it: ranges, conditions, validators and all.
//! 5. What fails is redirected by a routing rule on the status, shown as the error document, or as a plain page.

mod location;
mod page;
mod reply;
mod request;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Method, Request};
use http_body::Body as _;
use tokio::time::Instant;

use crate::domain::{Bucket, UsageDelta};
use crate::s3::pipeline::cors::{self, CorsRequest};
use crate::s3::pipeline::request::RequestInfo;
use crate::s3::pipeline::state::S3State;
use crate::s3::respond::{self, Response};
use crate::s3::route::TABLE;

/// The row of the route table that website requests are counted as.
static ROW: LazyLock<Option<usize>> =
    LazyLock::new(|| TABLE.rows().iter().position(|row| row.operation == "GetObject"));

/// Answers website requests. Cheap to clone; it never fails.
#[derive(Clone, Debug)]
pub struct WebsiteService {
    state: Arc<S3State>,
    domains: Arc<[String]>,
}

impl WebsiteService {
    /// Websites of the buckets, under these domains; any other host is the name of its bucket.
    #[must_use]
    pub(super) fn new(state: Arc<S3State>, domains: &[String]) -> Self {
        Self { state, domains: domains.into() }
    }

    /// Answers one request.
    async fn handle(&self, request: Request<Body>) -> Response {
        let started = Instant::now();
        let id = self.state.ids.next();
        let (head, _) = request.into_parts();
        let method = head.method.clone();
        let cors_request = CorsRequest::read(&method, &head.headers);
        let mut bucket = None;
        let mut response = match request::answer(&self.state, &self.domains, head, id, &mut bucket).await {
            Ok(response) => response,
            Err(error) => {
                if error.status().is_server_error() {
                    tracing::warn!(request = %id, %method, %error, "a website request failed");
                }
                page::show(&error, None, &RequestInfo { id, host: self.state.ids.host().clone() })
            }
        };
        if let Some(bucket) = &bucket {
            if method != Method::OPTIONS
                && let Err(error) = cors::decorate(bucket, cors_request.as_ref(), response.headers_mut())
            {
                tracing::warn!(request = %id, %error, "cannot read the bucket's CORS rules");
            }
            self.record_usage(bucket, &method, &response);
        }
        if method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        respond::stamp(&mut response, id, &self.state.ids);
        self.state.meters.record(*ROW, response.status(), started.elapsed());
        response
    }

    /// Adds a website request to the meters of the bucket, as a read. Refusals are free: unauthenticated callers must not run up
    /// the owner's bill. Content is added by its own stream.
    fn record_usage(&self, bucket: &Bucket, method: &Method, response: &Response) {
        if response.status().is_client_error() || response.status().is_server_error() {
            return;
        }
        let streamed = *method == Method::GET && response.status().is_success();
        let egress = response.body().size_hint().exact().filter(|_| *method != Method::HEAD && !streamed);
        let usage = UsageDelta { requests_read: 1, egress_bytes: egress.unwrap_or_default(), ..UsageDelta::default() };
        self.state.objects.meter(bucket.id, usage);
    }
}

impl tower::Service<Request<Body>> for WebsiteService {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}
