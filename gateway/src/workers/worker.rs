//! What a worker is, and the loop that runs one.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

/// Why a step failed. It is logged and the step repeated later; nothing else depends on it.
pub type StepError = Box<dyn std::error::Error + Send + Sync>;

/// How long to wait after a failed step.
const AFTER_FAILURE: Duration = Duration::from_secs(15);

/// One kind of background work.
#[async_trait]
pub trait Worker: Send + Sync {
    /// Its name in logs and metrics.
    fn name(&self) -> &'static str;

    /// How long to wait when there was nothing to do.
    fn idle(&self) -> Duration;

    /// Does a little work; whether there may be more at once. Safe to repeat, and to lose in the middle.
    async fn step(&self) -> Result<bool, StepError>;

    /// Runs once more when the gateway stops in good order.
    async fn last(&self) {}
}

/// Runs a worker until it is stopped.
pub(super) async fn run(worker: Arc<dyn Worker>, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        // A step that panics is one that failed: the worker goes on.
        let stepped = AssertUnwindSafe(worker.step()).catch_unwind().await;
        let pause = match stepped.unwrap_or_else(|_| Err("it panicked, which is a defect".into())) {
            Ok(true) => {
                metrics::counter!("haulout_worker_steps_total", "worker" => worker.name()).increment(1);
                // Background work must not starve requests: yield between steps.
                Duration::from_millis(2)
            }
            Ok(false) => worker.idle(),
            Err(error) => {
                metrics::counter!("haulout_worker_failures_total", "worker" => worker.name()).increment(1);
                tracing::warn!(worker = worker.name(), %error, "a worker step failed and will be retried");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    worker.last().await;
}
