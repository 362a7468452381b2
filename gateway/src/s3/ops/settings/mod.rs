//! Operations that put, show and delete one setting of a bucket. `configuration` is what they have in common.

pub(crate) mod abac;
pub(crate) mod accelerate;
pub(crate) mod configuration;
pub(crate) mod cors;
pub(crate) mod encryption;
pub(crate) mod lifecycle;
pub(crate) mod logging;
pub(crate) mod named;
pub(crate) mod notification;
pub(crate) mod object_lock;
pub(crate) mod request_payment;
pub(crate) mod resource_tags;
pub(crate) mod tagging;
pub(crate) mod versioning;
pub(crate) mod website;
