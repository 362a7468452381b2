//! One item that fails for ever keeps none of the others waiting, whatever the queue.

use backends::{Fault, Operation, SliverName, When as Struck};
use codec::BlobId;

use crate::lifecycle::{Calendar, Configuration, Expiration, Filter, MinimumSize, Rule, Scope, When};
use crate::metadata::WalkPosition;
use crate::objects::tests::fixture::{Fixture, content};

/// What stands where a sliver was.
const DAMAGED: &[u8] = b"damaged";

/// Everything expires after a day.
fn a_day() -> Configuration {
    let rule = Rule {
        id: "day".to_owned(),
        enabled: true,
        scope: Scope::Filter(Filter::Everything),
        expiration: Some(Expiration::At(When::Days(1))),
        noncurrent_expiration: None,
        transitions: Vec::new(),
        noncurrent_transitions: Vec::new(),
        abort_days: Some(1),
    };
    Configuration { rules: vec![rule], minimum_size: MinimumSize::default() }
}

impl Fixture {
    /// Damaged slivers on a backend.
    fn damaged(&self, backend: usize) -> usize {
        let files = self.files_of(backend);
        files.iter().filter(|path| std::fs::read(path).is_ok_and(|bytes| bytes == DAMAGED)).count()
    }

    async fn keys(&self) -> Vec<String> {
        let page = self.metadata.walk_versions(self.bucket.id, &WalkPosition::default(), 1_000).await.expect("walked");
        page.versions.iter().map(|version| version.key.as_str().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lifecycle_passes_over_versions_whose_rows_are_damaged() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    for key in ["a", "b", "c", "d", "e"] {
        fixture.put(key, &content(10)).await.expect("stored");
    }
    fixture.metadata.meddle("UPDATE version SET modified_at = 1000000").await;
    fixture.metadata.meddle("UPDATE version SET attributes = 'what' WHERE key = x'62'").await;
    fixture.metadata.meddle("DELETE FROM blob WHERE id = (SELECT blob_id FROM version WHERE key = x'63')").await;
    for _ in 0..2 {
        let applied = fixture.objects.apply_lifecycle(&fixture.bucket, &a_day(), Calendar::default(), Vec::new()).await;
        assert_eq!(applied.expect("the database is there"), None);
        assert_eq!(fixture.keys().await, ["b", "c"], "an unreadable version stays, and one whose blob is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_cannot_be_aborted_lets_others_be_aborted() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    // The oldest has a part in a blob that is not there.
    fixture
        .metadata
        .meddle(
            "INSERT INTO upload (id, bucket_id, key, account_id, attributes, created_at) \
             WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 150) \
             SELECT CAST(printf('%016d', n) AS BLOB), (SELECT id FROM bucket), x'61', 1, '{}', n FROM n",
        )
        .await;
    fixture
        .metadata
        .meddle(
            "INSERT INTO part (upload_id, number, part_id, size, etag, modified_at, encoded_bytes) \
             SELECT id, 1, zeroblob(16), 7, zeroblob(16), 1, 9 FROM upload WHERE created_at = 1",
        )
        .await;
    fixture
        .metadata
        .meddle(
            "INSERT INTO extent (owner, ordinal, blob_id, blob_offset, length) VALUES (zeroblob(16), 0, zeroblob(16), 0, 7)",
        )
        .await;
    let mut aborted = 0;
    loop {
        match fixture.objects.abort_stale_uploads(3_600).await.expect("the database is there") {
            0 => break,
            some => aborted += some,
        }
    }
    assert_eq!(aborted, 150, "the oldest too: its parts are released later");
}

#[tokio::test(flavor = "multi_thread")]
async fn rewrapping_passes_over_a_key_that_cannot_be_unwrapped() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    for key in ["a", "b", "c"] {
        fixture.put(key, &content(10)).await.expect("stored");
    }
    fixture.metadata.meddle("UPDATE blob SET wrapped_key = zeroblob(64) WHERE id = (SELECT MIN(id) FROM blob)").await;
    let rewrapped = fixture.objects.rewrap_blob_keys().await.expect("the database is there");
    assert_eq!((rewrapped.failed, rewrapped.current), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_slivers_on_a_backend_that_is_away_let_others_be_discarded() {
    let fixture = Fixture::new("rs-2-2", 6).await;
    for at in 0..20 {
        fixture.put(&format!("{at}"), &content(10)).await.expect("stored");
    }
    for backend in [0, 1] {
        for path in fixture.files_of(backend) {
            std::fs::write(&path, DAMAGED).expect("written");
        }
        let id = format!("b{backend}").parse().expect("a name");
        fixture.metadata.enqueue_repairs_of_backend(&id).await.expect("asked for");
    }
    assert!(fixture.damaged(0) > 0 && fixture.damaged(1) > 0);
    fixture.faults[0].set(&[Operation::Delete], Fault::Down, Struck::Always);
    while fixture.objects.repair().await.expect("repaired") + fixture.discard().await > 0 {}
    assert!(fixture.damaged(0) > 0, "it is away");
    assert_eq!(fixture.damaged(1), 0, "nobody waits for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_collected_beside_a_backend_that_is_away_and_one_that_cannot_be_trashed() {
    let fixture = Fixture::new("rs-2-1", 3).await;
    let orphan = |number: u8| SliverName { blob: BlobId::new(fixture.incarnation, [number; 12]), index: 0, attempt: 1 };
    for backend in fixture.objects.committee().backends() {
        for number in 0..3 {
            backend.store.put(&orphan(number), vec![content(10)]).await.expect("put");
        }
    }
    fixture.metadata.end_incarnation(fixture.incarnation).await.expect("ended");
    fixture.metadata.begin_incarnation("test", 600).await.expect("begun");
    fixture.faults[0].set(&[Operation::List], Fault::Down, Struck::Always);
    fixture.faults[1].set(&[Operation::Trash], Fault::Down, Struck::First(1));
    let report = fixture.collect_orphans().await;
    assert_eq!((report.collected, report.refused, report.unreachable.len()), (5, None, 1));
}
