//! The S3 API as a tower service.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::Request;

use crate::clock::Ambient;
use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::s3::auth::Verifier;
use crate::s3::pipeline::funding::Funding;
use crate::s3::pipeline::handle::handle;
use crate::s3::pipeline::meters::Meters;
use crate::s3::pipeline::request_id::RequestIds;
use crate::s3::pipeline::state::{S3Settings, S3State};
use crate::s3::respond::Response;
use crate::s3::route::TABLE;
use crate::s3::website::WebsiteService;

/// Answers S3 requests. Cheap to clone; it never fails and is always ready.
#[derive(Clone, Debug)]
pub struct S3Service(Arc<S3State>);

impl S3Service {
    /// The S3 API over these objects, for callers that the verifier authenticates.
    #[must_use]
    pub fn new(
        objects: Objects,
        metadata: MetadataStore,
        verifier: Arc<Verifier>,
        settings: S3Settings,
        ambient: Ambient,
    ) -> Self {
        let meters = Meters::new(TABLE.rows().iter().map(|row| row.operation).collect());
        let ids = RequestIds::new(&*ambient.entropy);
        let funding = Funding::new(metadata.clone(), objects.clone(), settings.money, settings.pay_at.clone());
        Self(Arc::new(S3State { objects, metadata, verifier, settings, ids, meters, funding, ambient }))
    }

    /// The websites of the same buckets.
    #[must_use]
    pub fn websites(&self, domains: &[String]) -> WebsiteService {
        WebsiteService::new(self.0.clone(), domains)
    }
}

impl tower::Service<Request<Body>> for S3Service {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let state = self.0.clone();
        Box::pin(async move { Ok(handle(state, request).await) })
    }
}
