//! The cache of current versions, with the database behind it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::Version;
use crate::metadata::commit::{Deleted, Outcome};
use crate::metadata::tests::fixture::{Fixture, both};

both! {
    /// Writers raise the size of a key; no reader may ever see less than what was acknowledged before it asked, nor less
    /// than any reader saw before.
    async fn readers_never_go_back(f: &Fixture) {
        const LAST: u64 = 150;
        let acknowledged = AtomicU64::new(0);
        let seen = AtomicU64::new(0);
        let writer = async {
            for size in 1..=LAST {
                f.put("key", size).await;
                acknowledged.store(size, Ordering::SeqCst);
            }
        };
        let reader = || async {
            while acknowledged.load(Ordering::SeqCst) < LAST {
                let least = acknowledged.load(Ordering::SeqCst).max(seen.load(Ordering::SeqCst));
                let size = f.current("key").await.map_or(0, |version: Version| version.size);
                assert!(size >= least, "{size} after {least}");
                seen.fetch_max(size, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        };
        futures::future::join4(writer, reader(), reader(), reader()).await;
    }

    async fn a_key_that_comes_and_goes_is_never_remembered_wrongly(f: &Fixture) {
        for round in 1..=30 {
            let (_, _, written) = futures::future::join3(f.current("key"), f.current("key"), f.put("key", round)).await;
            assert_eq!(f.current("key").await.unwrap(), written);
            let (_, deleted, _) = futures::future::join3(f.current("key"), f.delete("key"), f.current("key")).await;
            assert!(matches!(deleted, Outcome::Deleted(Deleted { existed: true, .. })), "{deleted:?}");
            assert_eq!(f.current("key").await, None);
        }
    }
}
