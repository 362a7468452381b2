//! Waits for many futures, but drops stragglers once enough succeeded.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

/// Runs all of them and waits until all are done; once `enough` have succeeded, the rest get `extra_wait` more and are
/// dropped then (`None`).
///
/// Slowness is judged by comparison: when everything is slow, because the machine is, nobody is a straggler.
pub(crate) async fn all_but_stragglers<F, T>(
    futures: impl IntoIterator<Item = F>,
    enough: usize,
    extra_wait: Duration,
    succeeded: impl Fn(&T) -> bool,
) -> Vec<Option<T>>
where
    F: Future<Output = T>,
{
    let mut running: FuturesUnordered<_> =
        futures.into_iter().enumerate().map(|(at, future)| async move { (at, future.await) }).collect();
    let mut outcomes: Vec<Option<T>> = std::iter::repeat_with(|| None).take(running.len()).collect();
    let mut good = 0;
    let deadline = tokio::time::sleep(Duration::MAX);
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            next = running.next() => {
                let Some((at, outcome)) = next else { return outcomes };
                good += usize::from(succeeded(&outcome));
                outcomes[at] = Some(outcome);
                if good == enough {
                    deadline.as_mut().reset(tokio::time::Instant::now() + extra_wait);
                }
            }
            () = &mut deadline => return outcomes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn after(seconds: u64) -> u64 {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        seconds
    }

    #[tokio::test(start_paused = true)]
    async fn stragglers_are_left_behind_only_when_enough_are_done() {
        let wait = |seconds: Vec<u64>, enough| async move {
            let extra_wait = Duration::from_secs(5);
            all_but_stragglers(seconds.into_iter().map(after), enough, extra_wait, |_| true).await
        };
        assert_eq!(wait(vec![1, 2, 3], 2).await, [Some(1), Some(2), Some(3)]);
        assert_eq!(wait(vec![1, 2, 300], 2).await, [Some(1), Some(2), None]);
        assert_eq!(wait(vec![100, 200, 203], 2).await, [Some(100), Some(200), Some(203)], "all are slow alike");
        assert_eq!(wait(vec![1, 400], 2).await, [Some(1), Some(400)], "one is not enough");
    }
}
