//! What the unit tests of several modules share, and the simulation of whole gateways.

mod simulation;

use std::time::{Duration, Instant};

/// How long a condition may take to become true. Longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until `look` finds something, and returns that; panics when it found nothing for a minute.
/// `what` names it for the reader of a failure. The only place of the unit tests where real time is waited for.
pub(crate) async fn wait_until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain until {what}", DEADLINE.as_secs());
        tokio::time::sleep(PAUSE).await;
    }
}
