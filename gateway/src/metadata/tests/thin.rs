//! Large blobs of which little lives: their jobs, claims, and the walk that finds those without a job.

use codec::BlobId;

use crate::clock::{Entropy, SystemEntropy, random};
use crate::domain::Extent;
use crate::metadata::blobs::sparse::{IS_SPARSE, is_sparse};
use crate::metadata::commit::{Batch, Change};
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::{Fixture, both};

/// A large blob of 100 bytes that three keys share: 20 of `<name>-a`, 40 of `<name>-b` and 40 of `<name>-c`.
async fn shared_blob(f: &Fixture, name: &str) -> BlobId {
    let blob = f.blob(100, false);
    let id = blob.blob.id;
    let parts = [("a", 0, 20), ("b", 20, 40), ("c", 60, 40)];
    let changes = parts.map(|(end, offset, length)| {
        Change::Put(f.put_change(f.version(&format!("{name}-{end}"), vec![Extent { blob: id, offset, length }])))
    });
    f.commit(Batch { blobs: vec![blob], changes: changes.into() }).await.unwrap();
    id
}

async fn thin_blob(f: &Fixture, name: &str) -> BlobId {
    let id = shared_blob(f, name).await;
    f.delete(&format!("{name}-b")).await;
    f.delete(&format!("{name}-c")).await;
    id
}

const JOBS: &str = "SELECT COUNT(*) FROM job WHERE kind = 'thin'";

async fn claimed(f: &Fixture) -> Option<BlobId> {
    f.store.claim_thin_blob(600).await.unwrap().map(|thin| thin.sparse.blob.id)
}

/// What a commit does that makes a blob thin, up to its end: the blob is held and changed, and a job is there already.
async fn thinning(f: &Fixture, blob: BlobId) -> Session {
    let mut tx = f.store.database().begin(&random(&SystemEntropy as &dyn Entropy)).await.unwrap();
    let lock = tx.dialect().for_update();
    tx.rows(Statement::new(format!("SELECT id FROM blob WHERE id = $1{lock}")).bind(blob.0)).await.unwrap();
    tx.execute(Statement::new("DELETE FROM version WHERE blob_id = $1 AND size = 40").bind(blob.0)).await.unwrap();
    tx.execute(Statement::new("UPDATE blob SET live_bytes = 20 WHERE id = $1").bind(blob.0)).await.unwrap();
    let job = "INSERT INTO job (kind, blob_id, created_at, waits) VALUES ('thin', $1, 1, TRUE) ON CONFLICT DO NOTHING";
    tx.execute(Statement::new(job).bind(blob.0)).await.unwrap();
    tx
}

both! {
    /// Commits decide about a blob before it is written, queries and the index of quilts about its row.
    async fn rows_and_plans_agree_which_blobs_are_sparse(f: &Fixture) {
        for (live, content) in [(0, 0), (0, 9), (1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (3, 5), (4, 9), (5, 9), (9, 9)] {
            let text = format!(
                "SELECT CAST(CASE WHEN {IS_SPARSE} THEN 1 ELSE 0 END AS BIGINT) \
                 FROM (SELECT {live} AS live_bytes, {content} AS content_len) b"
            );
            assert_eq!(f.one_int(text).await == 1, is_sparse(live, content), "{live} of {content}");
        }
        f.put("any", 1).await;
    }

    async fn a_thin_blob_is_claimed_once_and_its_job_ends_with_the_reason_for_it(f: &Fixture) {
        let (one, two) = (thin_blob(f, "one").await, thin_blob(f, "two").await);
        assert_eq!(f.one_int(JOBS).await, 2);
        let first = f.store.claim_thin_blob(600).await.unwrap().unwrap();
        let [living] = &*first.sparse.extents else { panic!("{first:?}") };
        assert_eq!(living.extent.length, 20);
        let second = claimed(f).await.unwrap();
        assert_eq!([first.sparse.blob.id, second].iter().collect::<std::collections::BTreeSet<_>>(), [&one, &two].into());
        assert_eq!(claimed(f).await, None, "each is claimed");
        // Three fifths of the first live again, the second is dead.
        f.meddle("UPDATE job SET claimed_until = 0").await;
        let (name, other) = if second == two { ("one", "two") } else { ("two", "one") };
        let mut copy = f.put_change(f.version(&format!("{name}-d"), vec![Extent { offset: 0, length: 40, blob: first.sparse.blob.id }]));
        copy.source = Some(f.current(&format!("{name}-a")).await.unwrap().id);
        assert!(f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Put(copy)] }).await.unwrap()[0].is_made());
        f.delete(&format!("{other}-a")).await;
        assert_eq!(claimed(f).await, None);
        assert_eq!(f.one_int(JOBS).await, 0, "nothing is to be done about either");
        f.delete(&format!("{name}-d")).await;
        assert_eq!(claimed(f).await, Some(first.sparse.blob.id), "it is thin once more");
    }

    /// A commit that makes a blob thin finds the job of last time there. Whoever claims meanwhile must not take that job for one that
    /// is over, because it looks at the blob as it was before.
    async fn a_job_is_not_lost_to_a_claim_beside_the_commit_that_asks_for_it(f: &Fixture) {
        let blob = shared_blob(f, "key").await;
        f.meddle("INSERT INTO job (kind, blob_id, created_at, waits) SELECT 'thin', id, 1, TRUE FROM blob").await;
        let mut commit = thinning(f, blob).await;
        if f.store.is_shared() {
            assert_eq!(claimed(f).await, None, "it is being changed");
        }
        commit.command("COMMIT").await.unwrap();
        drop(commit);
        assert_eq!(claimed(f).await, Some(blob));
        f.meddle("DELETE FROM meter").await;
        f.meddle("UPDATE version SET encoded_bytes = 0").await;
        f.meddle("DELETE FROM job").await;
        f.meddle("DELETE FROM version").await;
        f.meddle("DELETE FROM sliver").await;
        f.meddle("DELETE FROM blob").await;
    }

    async fn a_claim_is_kept_as_long_as_it_is_renewed_in_time(f: &Fixture) {
        let blob = thin_blob(f, "key").await;
        let mut mine = f.store.claim_thin_blob(600).await.unwrap().unwrap();
        let before = mine.claimed_until;
        assert!(f.store.renew_thin_claim(&mut mine, 900).await.unwrap());
        assert!(mine.claimed_until > before);
        assert!(f.store.renew_thin_claim(&mut mine, 900).await.unwrap(), "again and again");
        assert_eq!(claimed(f).await, None);
        f.meddle("UPDATE job SET claimed_until = 1").await;
        assert_eq!(claimed(f).await, Some(blob), "it ran out, and another gateway has it");
        assert!(!f.store.renew_thin_claim(&mut mine, 600).await.unwrap());
    }

    /// A release before this one, beside it or before it, asks for nothing when it makes a blob thin.
    async fn thin_blobs_without_a_job_are_found_page_by_page(f: &Fixture) {
        let mut thin = vec![thin_blob(f, "one").await, thin_blob(f, "two").await, thin_blob(f, "three").await];
        thin.sort_unstable();
        shared_blob(f, "full").await;
        f.put("whole", 10).await;
        let dead = shared_blob(f, "dead").await;
        for end in ["a", "b", "c"] {
            f.delete(&format!("dead-{end}")).await;
        }
        f.meddle("DELETE FROM job").await;
        let (mut after, mut enqueued, mut pages) = (None, 0, 0);
        loop {
            let page = f.store.find_thin_blobs(after, 2).await.unwrap();
            (enqueued, pages) = (enqueued + page.enqueued, pages + 1);
            let Some(next) = page.next else { break };
            assert!(Some(next) > after);
            after = Some(next);
        }
        assert_eq!((enqueued, pages), (3, 4), "six blobs, two on a page, and an empty one");
        let again = f.store.find_thin_blobs(None, 100).await.unwrap();
        assert_eq!((again.enqueued, again.next), (0, None), "each has a job now");
        let mut found = Vec::new();
        while let Some(id) = claimed(f).await {
            found.push(id);
        }
        found.sort_unstable();
        assert_eq!(found, thin);
        assert!(!found.contains(&dead));
    }
}
