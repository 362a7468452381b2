//! Usage meters in memory, flushed by a worker.

use std::sync::{Mutex, PoisonError};

use crate::domain::{BucketId, UsageByBucket, UsageDelta};

/// Requests and bytes not yet written to the database.
///
/// A crash loses what the last seconds metered: what is charged for are encoded bytes, which are metered in the
/// committing transaction itself.
#[derive(Debug, Default)]
pub(crate) struct Meters(Mutex<UsageByBucket>);

impl Meters {
    /// Adds an amount.
    pub(crate) fn add(&self, bucket: BucketId, delta: &UsageDelta) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(bucket).or_default().add(delta);
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> UsageByBucket {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
