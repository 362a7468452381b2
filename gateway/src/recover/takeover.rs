//! The backends are taken from gateways that still run on the database that was lost.
//!
//! Each gets another generation: in its marker, and in an authentic heartbeat. A gateway whose database knows an earlier one serves reads only
//! from its next look on (`objects/maintenance/heartbeats/mod.rs`), because a database that it cannot see counts now.

use backends::StoreError;
use bytes::Bytes;

use crate::domain::{BackendId, Heartbeat};
use crate::recover::Recovery;
use crate::recover::recorded::Recorded;

/// Incarnations that gateways on the lost database may have begun since the last heartbeat: none of their numbers is given again.
const INCARNATIONS_SKIPPED: u32 = 1_000;

/// What a backend gets: the marker first, then the heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// Which.
    pub backend: BackendId,
    /// Its new generation.
    pub generation: u64,
    /// Its new heartbeat, as it is written.
    pub record: Bytes,
}

impl Recovery {
    /// What is to be written to the backends that answered. `nonce` is random.
    #[must_use]
    pub fn takeovers(&self, recorded: &[Recorded], nonce: [u8; 16]) -> Vec<Takeover> {
        let incarnation = recorded.iter().filter_map(|one| one.heartbeat).map(|heartbeat| heartbeat.incarnation).max();
        let incarnation = incarnation.unwrap_or(0).saturating_add(INCARNATIONS_SKIPPED);
        let takeover = |one: &Recorded| {
            let heartbeat = next(one, incarnation, nonce);
            let record = heartbeat.to_record(self.cluster, &one.backend, &self.key, one.segment);
            Takeover { backend: one.backend.clone(), generation: heartbeat.generation, record: record.into() }
        };
        recorded.iter().map(takeover).collect()
    }

    /// Writes the heartbeat, once the marker is there.
    ///
    /// # Errors
    /// The backend does not answer, or is none of these.
    pub async fn write_heartbeat(&self, takeover: Takeover) -> Result<(), StoreError> {
        match self.sources.iter().find(|source| source.id == takeover.backend) {
            Some(source) => source.store.beat(takeover.record).await,
            None => Err(StoreError::NotFound),
        }
    }
}

fn next(one: &Recorded, incarnation: u32, nonce: [u8; 16]) -> Heartbeat {
    let known = one.heartbeat.map_or((0, 0, 0), |last| (last.generation, last.counter, last.sequence));
    Heartbeat {
        generation: one.generation.max(known.0).saturating_add(1),
        counter: known.1.saturating_add(1),
        incarnation,
        nonce,
        sequence: known.2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_over_is_later_than_all_that_was() {
        let heartbeat = Heartbeat { generation: 3, counter: 9, incarnation: 5, nonce: [1; 16], sequence: 77 };
        let recorded =
            |generation, heartbeat| Recorded { backend: "b".parse().unwrap(), generation, heartbeat, segment: 4 };
        let taken = next(&recorded(2, Some(heartbeat)), 1_005, [2; 16]);
        assert_eq!((taken.generation, taken.counter, taken.incarnation, taken.sequence), (4, 10, 1_005, 77));
        assert_eq!(next(&recorded(7, Some(heartbeat)), 1_005, [2; 16]).generation, 8, "its marker alone was raised");
        assert_eq!(next(&recorded(1, None), 1_000, [2; 16]).generation, 2);
    }
}
