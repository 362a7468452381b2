//! What the configuration says of S3, and the service that keeps to it.

use std::sync::Arc;

use crate::clock::Ambient;
use crate::config::Config;
use crate::metadata::MetadataStore;
use crate::objects::{ByteBudget, Objects};
use crate::s3::auth::{AuthSettings, KeySource, Verifier};
use crate::s3::body::{BodyLimits, UnverifiedBodies};
use crate::s3::{S3Service, S3Settings};

/// The service as it is configured.
pub(super) fn s3_service(
    config: &Config,
    objects: Objects,
    metadata: MetadataStore,
    keys: Arc<dyn KeySource>,
    ambient: &Ambient,
) -> S3Service {
    let auth = AuthSettings {
        region: config.s3.region.clone(),
        strict_region: config.s3.strict_region,
        sigv2: config.s3.sigv2,
        ..AuthSettings::default()
    };
    let body = BodyLimits {
        object_bytes_max: config.s3.object_bytes_max,
        idle: config.limits.body_idle(),
        documents: ByteBudget::new(config.limits.document_bytes()),
        unverified: Arc::new(UnverifiedBodies::new(
            config.limits.unverified_bodies,
            config.limits.unverified_bodies_per_peer,
        )),
        ..BodyLimits::default()
    };
    let settings = S3Settings {
        region: config.s3.region.clone(),
        base_domains: config.s3.base_domains.clone(),
        default_ownership: config.s3.default_ownership,
        storage_classes: config.storage_classes.keys().cloned().collect(),
        notification_targets: config.notification_targets.iter().map(|target| target.name.clone()).collect(),
        body,
        sse_c_requires_tls: config.s3.sse_c_requires_tls,
        ..S3Settings::default()
    };
    let verifier = Arc::new(Verifier::new(keys, auth, ambient.clone()));
    S3Service::new(objects, metadata, verifier, settings, ambient.clone())
}
