//! What the configuration says of S3, and the service that keeps to it.

use std::sync::Arc;

use crate::clock::Ambient;
use crate::config::Config;
use crate::metadata::MetadataStore;
use crate::objects::{ByteBudget, Objects};
use crate::s3::auth::{KeySource, Verifier};
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
        s3: config.s3.clone(),
        storage_classes: config.storage_classes.keys().cloned().collect(),
        notification_targets: config.notification_targets.clone(),
        money: config.money.mode,
        pay_at: config.money.pay_at.clone(),
        body,
        ..S3Settings::default()
    };
    let verifier = Arc::new(Verifier::new(keys, config.s3.clone(), ambient.clone()));
    S3Service::new(objects, metadata, verifier, settings, ambient.clone())
}
