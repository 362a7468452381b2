//! The websites as their listener sees them.

use axum::body::Body;
use http::{Request, Response};

use super::listener::Handler;
use crate::s3::WebsiteService;

/// Answers visits to websites.
#[derive(Clone, Debug)]
pub(super) struct WebsiteDoor(pub(super) WebsiteService);

impl Handler for WebsiteDoor {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        self.0.handle(request).await
    }
}
