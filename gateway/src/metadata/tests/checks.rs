//! What `check` and the orphan scan ask.

use crate::domain::Timestamp;
use crate::metadata::blobs::findings::Finding;
use crate::metadata::check::ExpectedSliver;
use crate::metadata::tests::fixture::{Fixture, both};

both! {
    async fn slivers_are_known_by_their_exact_names(f: &Fixture) {
        let id = f.put("key", 1_000).await.extents[0].blob;
        let blob = f.store.blob(&id).await.unwrap().unwrap();
        let backend = |name: &str| name.parse().unwrap();
        let known = [
            (id, 0, 7, backend("b0")),
            (id, 5, 12, backend("b5")),
            (id, 0, 8, backend("b0")),
            (id, 1, 7, backend("b0")),
            (id, 0, 7, backend("b1")),
            (codec::BlobId([0; 16]), 0, 7, backend("b0")),
        ];
        assert_eq!(f.store.known_slivers(&known).await.unwrap(), [true, true, false, false, false, false]);
        assert_eq!(f.store.known_slivers(&[]).await.unwrap(), Vec::<bool>::new());

        let expected = ExpectedSliver {
            blob: id,
            index: 3,
            attempt: 10,
            root: blob.placements[3].root,
            len: blob.layout.sliver_len(),
        };
        assert_eq!(f.store.slivers_of(&backend("b3"), None, 10).await.unwrap(), [expected]);
        assert_eq!(f.store.slivers_of(&backend("b3"), Some((id, 3)), 10).await.unwrap(), []);
        assert_eq!(f.store.slivers_of(&backend("b3"), Some((id, 2)), 10).await.unwrap(), [expected]);
    }

    async fn blobs_are_walked_in_order(f: &Fixture) {
        let mut ids = Vec::new();
        for i in 0..5 {
            ids.push(f.put(&format!("key{i}"), 10).await.extents[0].blob);
        }
        ids.sort_unstable();
        let mut walked = Vec::new();
        while let [blob, ..] = &*f.store.blobs_after(walked.last().copied(), Timestamp(i64::MAX), 1).await.unwrap() {
            assert_eq!(blob.placements.len(), 6);
            walked.push(blob.id);
        }
        assert_eq!(walked, ids);
    }

    async fn findings_are_written_once_and_ask_for_repair(f: &Fixture) {
        let blob = f.put("key", 10).await.extents[0].blob;
        let finding = |index, kind: &str| Finding { blob, index, backend: "b1".parse().unwrap(), kind: kind.to_owned() };
        for _ in 0..3 {
            f.store.record_findings(vec![finding(1, "damaged")]).await.unwrap();
        }
        f.store.record_findings(vec![finding(2, "missing")]).await.unwrap();
        let unknown = Finding { blob: codec::BlobId([7; 16]), ..finding(1, "missing") };
        f.store.record_findings(vec![unknown]).await.unwrap();
        let kinds = [("damaged".to_owned(), 1), ("missing".to_owned(), 1)];
        assert_eq!(f.store.findings().await.unwrap(), kinds);
        assert_eq!(f.store.jobs().await.unwrap(), [("repair".to_owned(), 1)]);
        assert_eq!(f.one_int("SELECT times FROM finding WHERE sliver_index = 1").await, 1, "it was known");
        f.meddle("UPDATE finding SET found_at = 1").await;
        let all = vec![finding(1, "damaged"), finding(2, "missing"), finding(3, "missing"), finding(3, "missing")];
        f.store.record_findings(all).await.unwrap();
        assert_eq!(f.one_int("SELECT COUNT(*) FROM finding WHERE found_at > 1").await, 1, "one of them is new");
        f.meddle("DELETE FROM job").await;
        f.store.record_findings(vec![finding(2, "missing")]).await.unwrap();
        assert_eq!(f.store.jobs().await.unwrap(), [("repair".to_owned(), 1)], "what nobody repairs is asked for again");
        assert_eq!(f.one_int("SELECT times FROM finding WHERE sliver_index = 2").await, 2);

        f.store.set_grace_seconds(0);
        f.delete("key").await;
        assert_eq!(f.store.reclaimable(1).await.unwrap().len(), 1);
        f.store.reclaimed(&[blob]).await.unwrap();
        assert_eq!((f.store.findings().await.unwrap(), f.store.jobs().await.unwrap()), (vec![], vec![]));
    }

    async fn the_audit_names_what_is_wrong(f: &Fixture) {
        let blob = f.put("key", 10).await.extents[0].blob;
        f.put("other", 10).await;
        assert_eq!(f.store.audit_counters().await.unwrap(), Vec::<String>::new());
        f.meddle("UPDATE version SET size = 9 WHERE key = (SELECT key FROM version ORDER BY key LIMIT 1)").await;
        let complaints = f.store.audit_counters().await.unwrap();
        assert!(complaints[0].contains(&blob.to_string()) && complaints[0].contains("live_bytes"), "{complaints:?}");
        assert_eq!(complaints.len(), 3, "the blob, the bucket's meters, what is metered for the version: {complaints:?}");
        f.meddle("UPDATE version SET size = 10").await;
        f.meddle("INSERT INTO extent (owner, ordinal, blob_id, blob_offset, length) SELECT id, 0, id, 0, 1 FROM blob").await;
        let complaints = f.store.audit_counters().await.unwrap();
        assert_eq!(complaints.len(), 4, "both blobs' sums, and owners that are nobody: {complaints:?}");
        f.meddle("DELETE FROM extent").await;
        f.meddle("INSERT INTO reclaim (blob_id, not_before) SELECT id, 0 FROM blob").await;
        assert_eq!(f.store.audit_counters().await.unwrap().len(), 2);
        f.meddle("DELETE FROM reclaim").await;
    }

    async fn old_tokens_and_completions_are_forgotten(f: &Fixture) {
        f.put("key", 1).await;
        f.meddle("INSERT INTO completed_upload (upload_id, bucket_id, key, version_id, etag, size, modified_at, completed_at) \
                  SELECT version_id, bucket_id, key, version_id, etag, size, 0, 0 FROM version").await;
        f.meddle("UPDATE commit_token SET created_at = 0").await;
        f.store.prune().await.unwrap();
        assert_eq!(f.one_int("SELECT COUNT(*) FROM completed_upload").await, 0);
        // Each table that is looked through after it leaves one more.
        assert!(f.one_int("SELECT COUNT(*) FROM commit_token").await <= 3);
    }
}
