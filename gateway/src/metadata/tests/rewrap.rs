//! Wrapped keys are replaced page by page, and nothing else is.

use codec::WrappedKey;

use crate::domain::{ContentEncryption, ContentKey, ContentRuns, KeyCheck, KmsKey, Version};
use crate::metadata::blobs::rewrap::{AttributesCursor, KmsAttributes};
use crate::metadata::commit::{Batch, Change};
use crate::metadata::tests::fixture::{Fixture, both, whole};

fn kms(wrapped: u8) -> ContentKey {
    ContentKey::Kms(KmsKey { id: "k".to_owned(), wrapped: vec![wrapped], context: None, sent: None, bucket_key: false })
}

async fn put(f: &Fixture, name: &str, key: Option<ContentKey>) -> Version {
    let blob = f.blob(10, false);
    let mut version = f.version(name, whole(&blob));
    version.attributes.encryption = key.map(|key| ContentEncryption { key, runs: ContentRuns::default() });
    let put = Change::Put(f.put_change(version.clone()));
    f.commit(Batch { blobs: vec![blob], changes: vec![put] }).await.unwrap();
    version
}

async fn all(f: &Fixture) -> Vec<KmsAttributes> {
    let (mut mark, mut found) = (AttributesCursor::default(), Vec::new());
    while let Some(page) = f.store.kms_attributes(&mut mark, 2).await.unwrap() {
        found.extend(page);
    }
    found
}

both! {
    async fn data_keys_of_a_service_are_found_and_replaced_once(f: &Fixture) {
        let customer = ContentKey::Customer(KeyCheck { salt: [1; 16], digest: [2; 32] });
        for (name, key) in [("a", None), ("b", Some(kms(1))), ("c", Some(customer)), ("d", None), ("e", Some(kms(1)))] {
            put(f, name, key).await;
        }
        let found = all(f).await;
        assert_eq!(found.len(), 2);
        // One of them is written again before it is replaced.
        let again = put(f, "e", Some(kms(7))).await;
        let newer = KmsKey { wrapped: vec![2], ..found[0].kms_key().unwrap().clone() };
        let replaced = found.into_iter().map(|locked| (locked, newer.clone())).collect();
        assert_eq!(f.store.replace_kms_keys(replaced).await.unwrap(), 1);
        let key = |version: Option<Version>| version.unwrap().attributes.encryption.unwrap().key;
        assert_eq!(key(f.current("b").await), kms(2));
        assert_eq!(f.current("e").await, Some(again));
    }

    async fn attributes_that_cannot_be_read_keep_no_others_from_being_found(f: &Fixture) {
        for name in ["a", "b", "c"] {
            put(f, name, Some(kms(1))).await;
        }
        f.meddle("UPDATE version SET attributes = '\"kms\" and no more' WHERE key = (SELECT key FROM version ORDER BY key LIMIT 1)").await;
        let (mut mark, mut found) = (AttributesCursor::default(), 0);
        while let Some(page) = f.store.kms_attributes(&mut mark, 1).await.unwrap() {
            found += page.len();
        }
        assert_eq!((found, mark.unreadable), (2, 1));
    }

    async fn blobs_keep_what_their_slivers_say_beside_the_newer_wrapping(f: &Fixture) {
        let id = f.put("key", 10).await.extents[0].blob;
        let before = f.store.blob(&id).await.unwrap().unwrap();
        assert_eq!(f.store.wrapped_blob_keys(None, 9).await.unwrap(), [(id, before.wrapped_key)]);
        f.store.rewrap_blob_keys(vec![(id, WrappedKey([9; 64]))]).await.unwrap();
        let after = f.store.blob(&id).await.unwrap().unwrap();
        assert_eq!((after.wrapped_key, after.rewrapped_key), (before.wrapped_key, Some(WrappedKey([9; 64]))));
        assert_eq!(f.store.wrapped_blob_keys(None, 9).await.unwrap(), [(id, WrappedKey([9; 64]))]);
        assert_eq!(f.store.wrapped_blob_keys(Some(id), 9).await.unwrap(), []);
    }
}
