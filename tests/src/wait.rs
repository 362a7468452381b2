//! Waiting for something to become true, with a deadline: the only place of the scenarios that sleeps.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// How long a condition may take to become true. Longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);
/// The pause between the first two looks; it doubles up to the last, because a look may cost a request or a process.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(160));

/// Looks again and again until `look` finds something, and returns that. `what` names it for the reader of a failure.
///
/// # Errors
/// `look` failed, or found nothing for two minutes.
pub async fn wait_until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let (deadline, (mut pause, pause_max)) = (Instant::now() + DEADLINE, PAUSES);
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "waited {} s in vain until {what}", DEADLINE.as_secs());
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(pause_max);
    }
}

/// The same for what needs no runtime, within `deadline`; `None` when it passed in vain.
///
/// # Errors
/// `look` failed.
pub fn wait_blocking<T>(deadline: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let deadline = Instant::now() + deadline;
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if Instant::now() > deadline {
            return Ok(None);
        }
        std::thread::sleep(PAUSES.0);
    }
}
