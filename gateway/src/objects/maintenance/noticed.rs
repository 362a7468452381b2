//! What was noticed of slivers lately, so that it is not said again with each read.

use std::time::Duration;

use codec::BlobId;

use crate::domain::BackendId;
use crate::objects::maintenance::throttle::Throttle;

/// What is remembered of each kind, so that a lost backend does not make work and log lines of each read.
const REMEMBERED_MAX: u64 = 65_536;

/// When a finding that is still true is filed again.
const FILED_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// When a sliver, or a backend, that still fails is logged again.
const LOGGED_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// When the row of a blob is read again of which slivers are still missing.
const FORGOTTEN_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// When a sparse quilt that could not be compacted is tried again.
const COMPACTED_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// What was noticed lately.
pub(crate) struct Noticed {
    pub(crate) logged: Throttle<Subject>,
    pub(crate) filed: Throttle<(SliverId, &'static str)>,
    pub(crate) forgotten: Throttle<BlobId>,
    /// Sparse quilts that compaction has tried to empty.
    pub(crate) compacted: Throttle<BlobId>,
}

/// One sliver where it is: blob, index, attempt.
pub(crate) type SliverId = (BlobId, u8, u32);

/// What a log line is about.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Sliver(SliverId),
    Backend(BackendId),
}

impl Default for Noticed {
    fn default() -> Self {
        Self {
            logged: Throttle::new(REMEMBERED_MAX, LOGGED_AGAIN_AFTER),
            filed: Throttle::new(REMEMBERED_MAX, FILED_AGAIN_AFTER),
            forgotten: Throttle::new(REMEMBERED_MAX, FORGOTTEN_AGAIN_AFTER),
            compacted: Throttle::new(REMEMBERED_MAX, COMPACTED_AGAIN_AFTER),
        }
    }
}
