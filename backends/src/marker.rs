//! The format marker, which identifies the backend and the cluster of a storage target.
//!
//! An unmounted disk leaves an empty directory behind, two disks can be swapped, a bucket name can be mistyped. The
//! marker is written when a backend is formatted and compared before anything is trusted to it.

use codec::ClusterId;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The file or object that carries the marker, at the root of a backend.
pub(crate) const MARKER_NAME: &str = "haulout-backend.json";

/// The file or object beside it that carries the last heartbeat.
pub(crate) const HEARTBEAT_NAME: &str = "haulout-heartbeat.json";

/// The generation of a backend that was never replaced, and of markers that older releases wrote.
pub(crate) const FIRST_GENERATION: u64 = 1;

/// More than any marker or heartbeat of ours has; a longer one is not read.
pub(crate) const MARKER_BYTES_MAX: u64 = 64 * 1024;

/// The layout of a backend that this version writes.
const FORMAT: u32 = 1;

/// The content of a marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// The layout of the backend.
    format: u32,
    /// The cluster, in hex.
    cluster: String,
    /// The backend's configured name.
    backend: String,
    /// How often what stands for the backend was replaced, from 1. The old disk of an earlier generation is refused.
    #[serde(default = "first_generation")]
    generation: u64,
}

fn first_generation() -> u64 {
    FIRST_GENERATION
}

impl Marker {
    /// The marker of a backend that was never replaced.
    pub(crate) fn new(cluster: ClusterId, backend: &str) -> Self {
        let (cluster, backend) = (hex::encode(cluster.0), backend.to_owned());
        Self { format: FORMAT, cluster, backend, generation: FIRST_GENERATION }
    }

    /// The same backend in another generation.
    pub(crate) fn of_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    /// The bytes to store.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("two strings and a number are always JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Compares the bytes found on a target with this marker. A later generation than the one that is known is fine:
    /// another gateway has accepted it.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] that says what is there instead.
    pub(crate) fn check(&self, found: &[u8], generation: u64) -> Result<(), StoreError> {
        let found = self.generation_of(found)?;
        if found < generation {
            let reason = format!("it is generation {found} of this backend, {generation} has replaced it");
            return Err(StoreError::wrong(reason));
        }
        Ok(())
    }

    /// The generation that the bytes found on a target claim for this very backend.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] that says what is there instead.
    pub(crate) fn generation_of(&self, found: &[u8]) -> Result<u64, StoreError> {
        let found: Self = serde_json::from_slice(found)
            .map_err(|error| StoreError::wrong(format!("its {MARKER_NAME} cannot be read: {error}")))?;
        if found.cluster != self.cluster {
            return Err(StoreError::wrong(format!("it belongs to cluster {}, not {}", found.cluster, self.cluster)));
        }
        if found.backend != self.backend {
            return Err(StoreError::wrong(format!("it is backend {:?}, not {:?}", found.backend, self.backend)));
        }
        if found.format != self.format {
            return Err(StoreError::wrong(format!("it has format {}, this version knows {FORMAT}", found.format)));
        }
        Ok(found.generation)
    }

    /// The cluster that any marker names.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] when the bytes are no marker.
    pub(crate) fn cluster_of(found: &[u8]) -> Result<ClusterId, StoreError> {
        let unreadable = |reason: String| StoreError::wrong(format!("its {MARKER_NAME} cannot be read: {reason}"));
        let found: Self = serde_json::from_slice(found).map_err(|error| unreadable(error.to_string()))?;
        let mut cluster = [0; 16];
        hex::decode_to_slice(&found.cluster, &mut cluster).map_err(|error| unreadable(error.to_string()))?;
        Ok(ClusterId(cluster))
    }

    /// The error for a target without a marker.
    pub(crate) fn missing() -> StoreError {
        StoreError::wrong(format!("it has no {MARKER_NAME}: not mounted, emptied, or never formatted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_marker_passes() {
        let ours = Marker::new(ClusterId([7; 16]), "east");
        assert_eq!(ours.check(&ours.encode(), FIRST_GENERATION), Ok(()));
        let newer = Marker { format: 2, ..ours.clone() };
        let others = [
            (Marker::new(ClusterId([8; 16]), "east").encode(), "cluster 0808"),
            (Marker::new(ClusterId([7; 16]), "west").encode(), "backend \"west\""),
            (newer.encode(), "format 2"),
            (b"{}".to_vec(), "cannot be read"),
            (Vec::new(), "cannot be read"),
        ];
        for (found, says) in others {
            match ours.check(&found, FIRST_GENERATION) {
                Err(StoreError::WrongBackend { reason }) => assert!(reason.contains(says), "{reason} lacks {says}"),
                other => panic!("{says}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_earlier_generation_is_refused_and_a_marker_without_one_is_the_first() {
        let ours = Marker::new(ClusterId([7; 16]), "east");
        let old = format!("{{\"format\":1,\"cluster\":\"{}\",\"backend\":\"east\"}}", "07".repeat(16));
        assert_eq!(ours.check(old.as_bytes(), 1), Ok(()));
        for (found, known, passes) in [(1, 1, true), (1, 2, false), (2, 2, true), (3, 2, true)] {
            let found = ours.clone().of_generation(found).encode();
            assert_eq!(ours.check(&found, known).is_ok(), passes);
        }
        assert!(ours.check(old.as_bytes(), 2).is_err());
    }
}
