//! What is known about a request while it is on its way.

use std::sync::Arc;

use crate::domain::Bucket;
use crate::s3::pipeline::access_log::LogDraft;
use crate::s3::pipeline::target::Target;

/// What is known about a request, for meters and logs.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) row: Option<usize>,
    /// What it is about.
    pub(super) target: Option<Target>,
    /// The bucket, once the request is authorized.
    pub(super) bucket: Option<Arc<Bucket>>,
    /// Bytes of the body that were announced.
    pub(super) ingress: u64,
    /// The draft of its access log line, if the bucket has logging.
    pub(super) log: Option<Box<LogDraft>>,
    /// The error's code, if the answer is one.
    pub(super) error: &'static str,
}
