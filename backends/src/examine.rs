//! Whether a sliver on a backend is the one that the database knows.

use codec::{Root, SliverIdentity, SliverVerifier};

use crate::error::StoreError;
use crate::name::SliverName;
use crate::store::SliverStore;

/// Bytes read in one step when a sliver is proven, and so the memory that takes.
const STEP_BYTES: u64 = 1 << 20;

/// What a look at one sliver showed.
#[derive(Clone, Debug)]
pub enum SliverCondition {
    /// It is there and as long as it should be; where its bytes were proven, they are those that were written.
    Intact,
    /// The backend answers, and does not have it.
    Missing,
    /// It has another length or other bytes than it should have, or cannot be read.
    Damaged {
        /// What was seen.
        reason: String,
    },
    /// The backend did not say: nothing is known of the sliver.
    Unreachable(StoreError),
}

impl SliverCondition {
    /// Why it cannot be counted on; none when it is intact.
    #[must_use]
    pub fn error(self) -> Option<StoreError> {
        match self {
            Self::Intact => None,
            Self::Missing => Some(StoreError::NotFound),
            Self::Damaged { reason } => Some(StoreError::Damaged { reason }),
            Self::Unreachable(error) => Some(error),
        }
    }
}

impl From<Result<(), StoreError>> for SliverCondition {
    fn from(look: Result<(), StoreError>) -> Self {
        match look {
            Ok(()) => Self::Intact,
            Err(StoreError::NotFound) => Self::Missing,
            Err(StoreError::Damaged { reason }) => Self::Damaged { reason },
            Err(error) => Self::Unreachable(error),
        }
    }
}

/// Compares the length of the sliver of this identity with that of its layout, and, where there is a root, proves
/// every byte of it against the root. Reads it in steps of 1 MiB.
pub async fn examine(
    store: &dyn SliverStore,
    attempt: u32,
    identity: SliverIdentity,
    root: Option<Root>,
) -> SliverCondition {
    let name = SliverName { blob: identity.blob, index: identity.index, attempt };
    let look = async {
        compare_length(store, &name, identity.layout.sliver_len()).await?;
        match root {
            Some(root) => prove(store, &name, identity, root).await,
            None => Ok(()),
        }
    };
    look.await.into()
}

async fn compare_length(store: &dyn SliverStore, name: &SliverName, expected: u64) -> Result<(), StoreError> {
    let len = store.len(name).await?;
    if len == expected {
        return Ok(());
    }
    Err(StoreError::damaged(format!("it has {len} bytes and should have {expected}")))
}

async fn prove(
    store: &dyn SliverStore,
    name: &SliverName,
    identity: SliverIdentity,
    root: Root,
) -> Result<(), StoreError> {
    let len = identity.layout.sliver_len();
    let mut verifier = SliverVerifier::new(identity, root);
    let mut at = 0;
    while at < len {
        let end = (at + STEP_BYTES).min(len);
        verifier.push(&store.read(name, at..end).await?);
        at = end;
    }
    verifier.finish().map_err(StoreError::damaged)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::Bytes;
    use codec::{BlobId, BlobKeys, ClusterId, ClusterKey, StripeShape, encode_blob};

    use super::*;
    use crate::{BackendSpec, Expect, Fault, Faults, Faulty, Operation, When, open_bare};

    const CLUSTER: ClusterId = ClusterId([1; 16]);
    const INDEX: u8 = 5;
    const ATTEMPT: u32 = 9;

    /// A store in memory with one sliver of a blob, and what is known of that.
    async fn stored() -> (Faulty, Faults, SliverIdentity, Root) {
        let (name, url) = ("b".to_owned(), "memory:".to_owned());
        let spec = BackendSpec { name, url, provider: None, zone: None, options: Default::default() };
        let store = open_bare(&spec, CLUSTER, Path::new("."), Expect::New).await.unwrap();
        let (blob, key) = (BlobId([2; 16]), codec::BlobKey::from_bytes([3; 32]));
        let wrapped_key = ClusterKey::new(1, [4; 32]).wrap(&blob, &key, [5; 12]);
        let shape = StripeShape::streaming("rs-4-2".parse().unwrap());
        let keys = BlobKeys { key: &key, wrapped: wrapped_key };
        // More than one step of reading.
        let mut encoded = encode_blob(CLUSTER, blob, shape, keys, &vec![7; 6 << 20], b"").unwrap();
        let identity = SliverIdentity { cluster: CLUSTER, blob, index: INDEX, layout: encoded.layout, wrapped_key };
        let sliver = encoded.slivers.swap_remove(usize::from(INDEX));
        store.put(&SliverName { blob, index: INDEX, attempt: ATTEMPT }, sliver.parts).await.unwrap();
        let faults = Faults::new(1);
        (Faulty::new(store, faults.clone()), faults, identity, sliver.root)
    }

    #[tokio::test]
    async fn each_condition_is_told_from_the_others() {
        let (store, faults, identity, root) = stored().await;
        let look = async |attempt, root| examine(&store, attempt, identity, root).await;
        assert!(matches!(look(ATTEMPT, None).await, SliverCondition::Intact));
        assert!(matches!(look(ATTEMPT, Some(root)).await, SliverCondition::Intact));
        assert!(matches!(look(ATTEMPT + 1, Some(root)).await, SliverCondition::Missing));
        let other = Some(Root([0; 32]));
        assert!(matches!(look(ATTEMPT, other).await, SliverCondition::Damaged { .. }), "another's, or an old one");

        let short = SliverName { blob: identity.blob, index: INDEX, attempt: ATTEMPT + 2 };
        store.put(&short, vec![Bytes::from_static(b"cut")]).await.unwrap();
        assert!(matches!(look(short.attempt, None).await, SliverCondition::Damaged { .. }), "its length tells");

        for fault in [Fault::Flipped, Fault::Short] {
            faults.set(&[Operation::Read], fault, When::Always);
            assert!(matches!(look(ATTEMPT, None).await, SliverCondition::Intact), "no byte is read");
            assert!(matches!(look(ATTEMPT, Some(root)).await, SliverCondition::Damaged { .. }));
        }
        faults.set_all(Fault::Down);
        assert!(matches!(look(ATTEMPT, None).await, SliverCondition::Unreachable(_)));
        faults.clear();
        faults.set(&[Operation::Read], Fault::Down, When::Always);
        assert!(matches!(look(ATTEMPT, Some(root)).await, SliverCondition::Unreachable(_)), "nothing is known of it");
    }

    #[test]
    fn a_condition_gives_back_the_error_it_is_of() {
        let damaged = || StoreError::Damaged { reason: "x".to_owned() };
        for error in [StoreError::NotFound, damaged(), StoreError::TimedOut, StoreError::Full] {
            assert_eq!(SliverCondition::from(Err(error.clone())).error(), Some(error));
        }
        assert_eq!(SliverCondition::from(Ok(())).error(), None);
    }
}
