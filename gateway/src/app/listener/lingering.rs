//! Places to linger: what is closed on a client that may still be sending costs a socket for a while.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::s3::{Peer, PeerCounts, PeerPlace};

/// Connections at once that linger, of all listeners together: each costs a socket and no memory to speak of.
const ALL_MAX: usize = 256;
/// Of one peer.
const PER_PEER_MAX: usize = ALL_MAX / 4;

/// All places.
#[derive(Clone, Debug)]
pub(super) struct LingerPlaces {
    all: Arc<Semaphore>,
    by_peer: Arc<PeerCounts>,
}

/// Those that a connection gets one of.
#[derive(Debug)]
pub(super) struct Lingering {
    places: LingerPlaces,
    peer: Option<Peer>,
}

/// A place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct LingerPlace {
    _of_all: OwnedSemaphorePermit,
    _of_peer: PeerPlace,
}

impl LingerPlaces {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL_MAX)), by_peer: Arc::default() }
    }

    /// For a connection of that peer.
    pub(super) fn of(&self, peer: Option<Peer>) -> Lingering {
        Lingering { places: self.clone(), peer }
    }
}

impl Lingering {
    /// A place, if one is free.
    pub(super) fn take(&self) -> Option<LingerPlace> {
        let of_peer = self.places.by_peer.take(self.peer, PER_PEER_MAX)?;
        let of_all = Arc::clone(&self.places.all).try_acquire_owned().ok()?;
        Some(LingerPlace { _of_all: of_all, _of_peer: of_peer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_leaves_places_to_others() {
        let places = LingerPlaces::new();
        let [one, other] = [1, 2].map(|last| places.of(Some(Peer::of([192, 0, 2, last].into()))));
        let taken: Vec<_> = std::iter::from_fn(|| one.take()).collect();
        assert_eq!(taken.len(), PER_PEER_MAX);
        assert!(other.take().is_some());
        drop(taken);
        assert!(one.take().is_some(), "they came back");
    }
}
