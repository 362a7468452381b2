//! The S3 door as the listeners see it.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};

use super::listener::Handler;
use crate::clock::Ambient;
use crate::config::Config;
use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::s3::auth::KeySource;

/// Answers S3 requests.
#[derive(Clone, Debug)]
pub(super) struct S3Door(#[expect(dead_code, reason = "until the s3 room is there")] Arc<()>);

impl S3Door {
    /// The door as it is configured.
    pub(super) fn new(_: &Config, _: Objects, _: MetadataStore, _: Arc<dyn KeySource>, _: &Ambient) -> Self {
        Self(Arc::new(()))
    }
}

impl Handler for S3Door {
    async fn answer(&self, _: Request<Body>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        response
    }
}
