//! Flushes access logs.

use std::time::Duration;

use async_trait::async_trait;

use crate::objects::Objects;
use crate::workers::worker::{StepError, Worker};

/// Writes gathered lines into the buckets that take them.
pub(super) struct AccessLogs {
    pub(super) objects: Objects,
    pub(super) region: String,
    /// How long lines are buffered, where `[debug]` sets it.
    pub(super) linger: Option<Duration>,
}

#[async_trait]
impl Worker for AccessLogs {
    fn name(&self) -> &'static str {
        "access-logs"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn step(&self) -> Result<bool, StepError> {
        self.objects.flush_access_logs(false, &self.region, self.linger).await;
        Ok(false)
    }

    async fn last(&self) {
        self.objects.flush_access_logs(true, &self.region, self.linger).await;
    }
}
