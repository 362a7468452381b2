//! What a worker is, and the loop that runs one.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

/// Why a step failed. It is logged and the step repeated later; nothing else depends on it.
pub type StepError = Box<dyn std::error::Error + Send + Sync>;

/// How often it is looked whether the database may be changed again.
const READ_ONLY_LOOK: Duration = Duration::from_secs(1);

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

    /// Whether it goes on while the database is older than its journal: then nothing may be changed.
    fn goes_on_read_only(&self) -> bool {
        false
    }

    /// Runs once more when the gateway stops in good order.
    async fn last(&self) {}
}

/// Runs a worker until it is stopped. It pauses while `is_read_only` says that nothing may be changed.
pub(super) async fn run(
    worker: Arc<dyn Worker>,
    is_read_only: impl Fn() -> bool + Send + Sync,
    stopping: CancellationToken,
) {
    let pauses = || is_read_only() && !worker.goes_on_read_only();
    while !stopping.is_cancelled() {
        if pauses() {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(READ_ONLY_LOOK) => {}
            }
            continue;
        }
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
    if !pauses() {
        worker.last().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;

    struct Counting(AtomicU32);

    #[async_trait]
    impl Worker for Counting {
        fn name(&self) -> &'static str {
            "counting"
        }

        fn idle(&self) -> Duration {
            Duration::from_millis(1)
        }

        async fn step(&self) -> Result<bool, StepError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(false)
        }

        async fn last(&self) {
            self.0.fetch_add(1_000_000, Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_pauses_while_nothing_may_be_changed() {
        let (worker, read_only) = (Arc::new(Counting(AtomicU32::new(0))), Arc::new(AtomicBool::new(true)));
        let (stopping, asked) = (CancellationToken::new(), Arc::clone(&read_only));
        let ran = tokio::spawn(run(worker.clone(), move || asked.load(Ordering::Relaxed), stopping.clone()));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(worker.0.load(Ordering::Relaxed), 0);
        read_only.store(false, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let steps = worker.0.load(Ordering::Relaxed);
        assert!(steps > 100, "{steps}");
        read_only.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(60)).await;
        stopping.cancel();
        ran.await.unwrap();
        assert!(worker.0.load(Ordering::Relaxed) <= steps + 1, "nor is anything done at the end");
    }
}
