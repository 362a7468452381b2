//! The door as a tower service, for whoever accepts connections.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::Request;

use super::door::{Door, S3State};
use super::handle::handle;
use super::respond::Response;
use super::website::WebsiteService;

/// Opens the door.
#[must_use]
pub fn service(state: S3State) -> S3Service {
    S3Service(Arc::new(Door::new(state)))
}

/// Answers S3 requests. Cheap to clone; it never fails and is always ready.
#[derive(Clone, Debug)]
pub struct S3Service(Arc<Door>);

impl S3Service {
    /// The websites of the same buckets.
    #[must_use]
    pub fn websites(&self, domains: &[String]) -> WebsiteService {
        WebsiteService::new(self.0.clone(), domains)
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Body>) -> Response {
        handle(self.0.clone(), request).await
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
        let door = self.0.clone();
        Box::pin(async move { Ok(handle(door, request).await) })
    }
}
