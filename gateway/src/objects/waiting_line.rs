//! Who waits for memory, and whether somebody who holds some must give it back for that.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::Peer;

/// While others wait, what memory is held for has this long until its first byte.
const START: Duration = Duration::from_secs(5);

/// The requests that wait for memory of one budget, in which each peer has a share: it waits for no more bytes at a time than there are in all,
/// so that whoever comes after a thousand requests of one peer is served in the second round.
#[derive(Debug)]
pub struct WaitingLine {
    total_bytes: u64,
    count: AtomicUsize,
    begun: Notify,
    by_peer: Mutex<HashMap<Peer, u64>>,
}

/// A request in line, until this is dropped.
#[derive(Debug)]
pub struct InLine<'a> {
    line: &'a WaitingLine,
    of_peer: Option<(Peer, u64)>,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.line.count.fetch_sub(1, Ordering::Relaxed);
        let Some((peer, bytes)) = self.of_peer else { return };
        let mut by_peer = self.line.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        match by_peer.get_mut(&peer) {
            Some(waits) if *waits > bytes => *waits -= bytes,
            _ => drop(by_peer.remove(&peer)),
        }
    }
}

impl WaitingLine {
    /// For a budget of so many bytes.
    #[must_use]
    pub fn new(total_bytes: u64) -> Self {
        Self { total_bytes, count: AtomicUsize::new(0), begun: Notify::new(), by_peer: Mutex::default() }
    }

    /// One more waits; `None` when its peer waits for as much as it may. Who is no peer always may.
    #[must_use]
    pub fn join(&self, peer: Option<Peer>, bytes: u64) -> Option<InLine<'_>> {
        if let Some(peer) = peer {
            let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
            let waits = by_peer.entry(peer).or_default();
            if *waits > 0 && waits.saturating_add(bytes) > self.total_bytes {
                return None;
            }
            *waits += bytes;
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.begun.notify_waiters();
        Some(InLine { line: self, of_peer: peer.map(|peer| (peer, bytes)) })
    }

    /// Whether anybody waits.
    pub fn has_waiters(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Ends when somebody waits while what was begun at `since`, and of which `received` bytes have come, comes more slowly than at
    /// `rate_min` bytes a second.
    pub async fn wanted_back(&self, since: Instant, received: u64, rate_min: u64) {
        let due = Duration::from_millis(received.saturating_mul(1_000) / rate_min.max(1));
        tokio::time::sleep_until(since + START + due).await;
        loop {
            let begun = self.begun.notified();
            if self.has_waiters() {
                return;
            }
            begun.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u64 = 256 << 10;

    #[tokio::test(start_paused = true)]
    async fn who_is_quick_enough_is_waited_for() {
        let (line, since) = (WaitingLine::new(1), Instant::now());
        let minute = Duration::from_secs(60);
        assert!(tokio::time::timeout(minute, line.wanted_back(since, 0, RATE)).await.is_err(), "nobody waits");
        let since = Instant::now();
        let _waits = line.join(None, 1);
        for second in 1..40 {
            let wanted_back = line.wanted_back(since, second * RATE, RATE);
            assert!(tokio::time::timeout(Duration::from_secs(1), wanted_back).await.is_err(), "second {second}");
        }
        assert!(tokio::time::timeout(Duration::from_secs(6), line.wanted_back(since, 39 * RATE, RATE)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_gives_way_to_the_first_who_comes() {
        let line = WaitingLine::new(1);
        let mut wanted_back = Box::pin(line.wanted_back(Instant::now(), 0, RATE));
        assert!(tokio::time::timeout(Duration::from_secs(3_600), &mut wanted_back).await.is_err(), "nobody waits");
        assert!(!line.has_waiters());
        let waits = line.join(None, 1).expect("free");
        assert!(line.has_waiters());
        wanted_back.await;
        drop(waits);
        assert!(!line.has_waiters());
    }

    #[test]
    fn a_peer_waits_for_no_more_than_there_is() {
        let line = WaitingLine::new(10);
        let [one, other] = [1, 2].map(|last| Some(Peer::of([192, 0, 2, last].into())));
        let waits: Vec<_> = std::iter::from_fn(|| line.join(one, 4)).collect();
        assert_eq!(waits.len(), 2);
        assert!(line.join(other, 11).is_some(), "one may wait for whatever it needs");
        assert!(line.join(None, 11).is_some());
        drop(waits);
        assert!(line.join(one, 10).is_some() && !line.has_waiters());
        assert!(line.by_peer.lock().expect("never poisoned").is_empty(), "who waits for nothing takes no memory");
    }
}
