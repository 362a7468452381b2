//! How much of something each peer holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use crate::domain::Peer;

/// How many places each peer holds. A peer without one takes no memory.
#[derive(Debug, Default)]
pub struct PeerCounts(Mutex<HashMap<Peer, usize>>);

/// A place of a peer; dropping it gives it back.
#[derive(Debug)]
pub struct PeerPlace {
    taken: Option<(Arc<PeerCounts>, Peer)>,
}

impl PeerCounts {
    /// Takes one of a peer's `most` places; `None` when it holds them all. Who is no peer always gets one.
    #[must_use]
    pub fn take(self: &Arc<Self>, peer: Option<Peer>, most: usize) -> Option<PeerPlace> {
        let Some(peer) = peer else { return Some(PeerPlace { taken: None }) };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = counts.get(&peer).copied().unwrap_or_default();
        if held >= most {
            return None;
        }
        counts.insert(peer, held + 1);
        Some(PeerPlace { taken: Some((Arc::clone(self), peer)) })
    }
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let Some((counts, peer)) = &self.taken else { return };
        let mut counts = counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(peer) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(counts.remove(peer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::of(address.parse().unwrap())
    }

    #[test]
    fn one_peer_takes_no_place_of_another() {
        let counts = Arc::new(PeerCounts::default());
        let (greedy, other) = (Some(peer("192.0.2.1")), Some(peer("192.0.2.2")));
        let mut held: Vec<_> = (0..3).map_while(|_| counts.take(greedy, 3)).collect();
        assert_eq!(held.len(), 3);
        assert!(counts.take(greedy, 3).is_none());
        assert!(counts.take(other, 3).is_some() && counts.take(None, 0).is_some());
        held.pop();
        let again = counts.take(greedy, 3);
        assert!(again.is_some() && counts.take(greedy, 3).is_none());
        drop((held, again));
        assert!(counts.0.lock().unwrap().is_empty(), "who holds nothing takes no memory");
    }
}
