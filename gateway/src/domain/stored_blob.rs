//! Blobs as the database knows them.

use codec::{BlobId, BlobLayout, ClusterId, Root, SliverIdentity, WrappedKey};

use crate::domain::backend_id::BackendId;

/// Where one sliver of a blob is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Which sliver: 0 to k-1 hold data, k to n-1 parity.
    pub index: u8,
    /// The backend that holds it.
    pub backend: BackendId,
    /// Random part of its name: a sliver that is written again gets a new one.
    pub attempt: u32,
    /// Its Merkle root. A sliver on the backend with another root is stale, swapped or forged.
    pub root: Root,
}

/// A sealed blob with everything needed to read it. Immutable but for placements, which repair may move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its name.
    pub id: BlobId,
    /// Scheme, chunk size, stripe shape and lengths: where each byte lies in each sliver.
    pub layout: BlobLayout,
    /// The blob's data key, wrapped by the cluster key.
    pub wrapped_key: WrappedKey,
    /// The same data key as a later cluster key has wrapped it. The slivers do not know it.
    pub rewrapped_key: Option<WrappedKey>,
    /// The slivers that were acknowledged, ascending by index; fewer than n when the write was degraded.
    pub placements: Vec<Placement>,
}

impl StoredBlob {
    /// What each byte of one of its slivers is held against, together with the root.
    #[must_use]
    pub fn sliver_identity(&self, cluster: ClusterId, index: u8) -> SliverIdentity {
        SliverIdentity { cluster, blob: self.id, index, layout: self.layout, wrapped_key: self.wrapped_key }
    }
}

/// What a blob holds, and what it takes for that on all backends together, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobLengths {
    /// Its content: what extents point into.
    pub content: u64,
    /// All of its slivers.
    pub encoded: u64,
}

impl BlobLengths {
    /// Those of a blob of this layout.
    #[must_use]
    pub fn of(layout: &BlobLayout) -> Self {
        Self { content: layout.content_len, encoded: layout.encoded_len() }
    }

    /// The bytes of the slivers that `length` bytes of the content account for, rounded up: what is metered for an
    /// extent. None when there is no such number, because an extent is longer than its blob.
    #[must_use]
    pub fn encoded_share(&self, length: u64) -> Option<u64> {
        let share = u128::from(length) * u128::from(self.encoded);
        u64::try_from(share.div_ceil(u128::from(self.content.max(1)))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_of_a_blob_come_to_all_of_it_and_to_little_more(
            lengths in proptest::collection::vec(1_u64..1 << 40, 1..50),
            encoded in 0_u64..1 << 50,
        ) {
            let blob = BlobLengths { content: lengths.iter().sum(), encoded };
            let shares: Option<Vec<u64>> = lengths.iter().map(|length| blob.encoded_share(*length)).collect();
            let shares = shares.expect("no share is more than the whole");
            let sum: u64 = shares.iter().sum();
            prop_assert!(sum >= encoded && sum < encoded + lengths.len() as u64, "each is rounded up by less than one");
            prop_assert_eq!(blob.encoded_share(blob.content), Some(encoded));
            for (length, share) in lengths.iter().zip(shares) {
                prop_assert!(blob.encoded_share(length - 1).expect("less") <= share, "less content, no more bytes");
            }
        }
    }

    #[test]
    fn a_share_that_is_no_number_is_none() {
        let blob = BlobLengths { content: 10, encoded: 25 };
        assert_eq!([0, 1, 2, 10].map(|length| blob.encoded_share(length)), [Some(0), Some(3), Some(5), Some(25)]);
        assert_eq!(BlobLengths { content: 0, encoded: 0 }.encoded_share(0), Some(0));
        assert_eq!(BlobLengths { content: 1, encoded: u64::MAX }.encoded_share(u64::MAX), None);
    }
}
