//! Two gateways on one PostgreSQL.

use std::time::Duration;

use crate::clock::{Entropy, SystemEntropy, random};
use crate::domain::{Extent, WriteCondition};
use crate::metadata::blobs::owned_extent::{ExtentMove, ExtentOwner, OwnedExtent};
use crate::metadata::buckets::bucket::DeleteBucket;
use crate::metadata::commit::apply::Circumstances;
use crate::metadata::commit::group::Group;
use crate::metadata::commit::{Batch, Change, DeleteChange, Outcome, Refusal};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::MetadataError;
use crate::metadata::tests::fixture::{Fixture, key, whole};
use crate::metadata::tests::objects::uploads::{begin, send};

/// A put of another gateway that has done everything but commit.
async fn uncommitted_put(f: &Fixture, name: &str) -> Session {
    let blob = f.blob(5, false);
    let version = f.version(name, whole(&blob));
    let group = Group {
        given: Circumstances::now(&f.store.shared, f.incarnation),
        batches: vec![Batch { blobs: vec![blob], changes: vec![Change::Put(f.put_change(version))] }],
        part_ids: vec![ExtentOwner([0; 16])],
        cached: false,
    };
    let mut tx = f.store.database().begin(&random(&SystemEntropy as &dyn Entropy)).await.unwrap();
    assert_eq!(group.run(&mut tx).await.unwrap().outcomes, [[Outcome::STORED]]);
    tx
}

/// Starts something, sees that it waits for the transaction, commits that, and answers its result.
async fn overtake<T: Send + 'static>(mut tx: Session, waits: impl Future<Output = T> + Send + 'static) -> T {
    let mut waiting = tokio::spawn(waits);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut waiting).await.is_err(), "it waits for the lock");
    tx.command("COMMIT").await.unwrap();
    drop(tx);
    waiting.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_that_waited_for_a_put_deletes_what_that_put() {
    let f = Fixture::postgres().await;
    let other = f.other_gateway().await;
    f.put("key", 1).await;
    let tx = uncommitted_put(&f, "key").await;
    let delete = Change::Delete(DeleteChange::current(f.bucket, key("key")));
    let (incarnation, store) = (f.incarnation, other.clone());
    let outcomes = overtake(tx, async move {
        store.commit(incarnation, Batch { blobs: Vec::new(), changes: vec![delete] }).await.unwrap()
    });
    assert_eq!(outcomes.await, [Outcome::deleted(true)], "the version it locked first was replaced");
    assert_eq!(f.current("key").await, None);
    f.agrees_with_itself().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_first_versions_the_second_sees_the_first() {
    let f = Fixture::postgres().await;
    let other = f.other_gateway().await;
    let tx = uncommitted_put(&f, "key").await;
    let mut put = f.put_change(f.version("key", Vec::new()));
    put.condition = WriteCondition::Absent;
    let incarnation = f.incarnation;
    let outcomes = overtake(tx, async move {
        other.commit(incarnation, Batch { blobs: Vec::new(), changes: vec![Change::Put(put)] }).await.unwrap()
    });
    assert_eq!(outcomes.await, [Outcome::Refused(Refusal::PreconditionFailed)]);
    assert_eq!(f.current("key").await.unwrap().size, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_not_deleted_under_a_put() {
    let f = Fixture::postgres().await;
    let other = f.other_gateway().await;
    let tx = uncommitted_put(&f, "key").await;
    let bucket = f.bucket;
    let deleted = overtake(tx, async move { other.delete_bucket(bucket, 0).await.unwrap() }).await;
    assert_eq!(deleted, DeleteBucket::NotEmpty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incarnation_is_not_marked_dead_during_a_put_and_then_stays_dead() {
    let f = Fixture::postgres().await;
    let other = f.other_gateway().await;
    f.store.renew_incarnation(f.incarnation, -10).await.unwrap();
    let tx = uncommitted_put(&f, "key").await;
    let marked_dead = overtake(tx, async move { other.mark_expired_incarnations_dead().await.unwrap() }).await;
    assert_eq!(marked_dead, [f.incarnation]);
    assert!(f.current("key").await.is_some(), "the put was first");
    assert!(matches!(f.commit(Batch::default()).await, Err(MetadataError::Fenced)));
}

/// Two gateways write, copy and delete the same few keys. Whatever wins, the rows must agree with each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_on_the_same_keys_keep_the_rows_in_agreement() {
    let f = Fixture::postgres().await;
    let other = f.other_gateway().await;
    let worker = async |seed: u64| {
        let store = if seed.is_multiple_of(2) { &f.store } else { &other };
        for round in 0..25 {
            let name = format!("key{}", (seed * 7 + round * 3) % 5);
            let change = match (seed + round) % 4 {
                0 => Change::Delete(DeleteChange::current(f.bucket, key(&name))),
                1 => {
                    let Some(source) = store.current(f.bucket, &key(&name)).await.unwrap() else { continue };
                    let mut copy = f.put_change(f.version(&format!("copy{}", round % 3), source.extents.clone()));
                    copy.source = Some(source.id);
                    Change::Put(copy)
                }
                _ => {
                    let blob = f.blob(10, false);
                    let put = Change::Put(f.put_change(f.version(&name, whole(&blob))));
                    store.commit(f.incarnation, Batch { blobs: vec![blob], changes: vec![put] }).await.unwrap();
                    continue;
                }
            };
            store.commit(f.incarnation, Batch { blobs: Vec::new(), changes: vec![change] }).await.unwrap();
        }
    };
    futures::future::join_all((0..8).map(worker)).await;
    f.agrees_with_itself().await;
}

/// Complete locks an upload before the versions of its key. A move that had a version and waited for the upload would wait in a circle
/// with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_waits_for_an_upload_before_it_holds_versions() {
    let f = Fixture::postgres().await;
    let version = f.put("film", 10).await;
    let upload = begin(&f, "film").await;
    let (_, part) = send(&f, &upload, 1, 20).await;
    let text = "SELECT part_id FROM part";
    let id = f.store.database().row(Statement::new(text)).await.unwrap().unwrap().array(0).unwrap();
    let blob = f.blob(30, false);
    let to = |offset, length| Extent { blob: blob.blob.id, offset, length };
    let of_part = OwnedExtent { owner: ExtentOwner(id), ordinal: 0, extent: part.extents[0] };
    let of_version = OwnedExtent { owner: ExtentOwner(version.id.0), ordinal: 0, extent: version.extents[0] };
    let moves = vec![ExtentMove { from: of_version, to: to(0, 10) }, ExtentMove { from: of_part, to: to(10, 20) }];
    // A Complete that has begun.
    let mut tx = f.store.database().begin(&random(&SystemEntropy as &dyn Entropy)).await.unwrap();
    tx.rows(Statement::new("SELECT id FROM upload FOR UPDATE")).await.unwrap();
    let (store, incarnation) = (f.store.clone(), f.incarnation);
    let mut moving = tokio::spawn(async move { store.move_extents(incarnation, vec![blob], moves).await });
    let waits = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while f.one_int(waits).await == 0 {
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut moving).await.is_err(), "it waits");
    }
    tx.rows(Statement::new("SELECT version_id FROM version FOR UPDATE NOWAIT")).await.expect("the move holds none");
    tx.command("COMMIT").await.unwrap();
    drop(tx);
    assert_eq!(moving.await.unwrap().unwrap(), [true, true]);
    f.agrees_with_itself().await;
}
