//! The format marker: how a storage target says which backend of which cluster it is.
//!
//! An unmounted disk leaves an empty directory behind, two disks can be swapped, a bucket name can be mistyped. The
//! marker is written when a backend is formatted and compared before anything is trusted to it.

use codec::ClusterId;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The file or object that carries the marker, at the root of a backend.
pub(crate) const MARKER_NAME: &str = "haulout-backend.json";

/// More than any marker of ours has; a longer one is not read.
pub(crate) const MARKER_BYTES_MAX: u64 = 64 * 1024;

/// The layout of a backend that this version writes.
const FORMAT: u32 = 1;

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// The layout of the backend.
    format: u32,
    /// The cluster, in hex.
    cluster: String,
    /// The backend's configured name.
    backend: String,
}

impl Marker {
    /// The marker of a backend.
    pub(crate) fn new(cluster: ClusterId, backend: &str) -> Self {
        Self { format: FORMAT, cluster: hex::encode(cluster.0), backend: backend.to_owned() }
    }

    /// The bytes to store.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("two strings and a number are always JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Compares the bytes found on a target with this marker.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] that says what is there instead.
    pub(crate) fn check(&self, found: &[u8]) -> Result<(), StoreError> {
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
        Ok(())
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
        assert_eq!(ours.check(&ours.encode()), Ok(()));
        let newer = Marker { format: 2, ..ours.clone() };
        let others = [
            (Marker::new(ClusterId([8; 16]), "east").encode(), "cluster 0808"),
            (Marker::new(ClusterId([7; 16]), "west").encode(), "backend \"west\""),
            (newer.encode(), "format 2"),
            (b"{}".to_vec(), "cannot be read"),
            (Vec::new(), "cannot be read"),
        ];
        for (found, says) in others {
            match ours.check(&found) {
                Err(StoreError::WrongBackend { reason }) => assert!(reason.contains(says), "{reason} lacks {says}"),
                other => panic!("{says}: {other:?}"),
            }
        }
    }
}
