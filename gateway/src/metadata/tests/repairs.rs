//! Repair jobs and the slivers that move.

use crate::domain::{BackendId, Placement, RepairRank};
use crate::metadata::blobs::findings::Finding;
use crate::metadata::blobs::repair_jobs::{RepairClass, RepairEnd, claimable, waking};
use crate::metadata::blobs::sliver_moves::{SliverLocation, SliverMove};
use crate::metadata::commit::{Batch, Change};
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::MetadataError;
use crate::metadata::tests::fixture::{Fixture, both, whole};

const DONE: RepairEnd = RepairEnd { complete: true, retry_after_seconds: 0, rank: Some(RepairRank::Whole) };

/// Urgencies of a blob of rs-4-2.
pub(super) const FIVE_LEFT: i64 = 1_450;
const FOUR_LEFT: i64 = 250;
pub(super) const WHOLE: i64 = 10_000;
const TOO_FEW: i64 = 20_000;

/// The rank of a blob of rs-4-2 of which so many slivers are left.
fn left(living: usize) -> RepairRank {
    RepairRank::of("rs-4-2".parse().unwrap(), living)
}

/// A blob that was written with `slivers` of six.
async fn degraded(f: &Fixture, name: &str, slivers: usize) -> codec::BlobId {
    let mut blob = f.blob(10, false);
    blob.degraded = true;
    blob.blob.placements.truncate(slivers);
    let put = Change::Put(f.put_change(f.version(name, whole(&blob))));
    let id = blob.blob.id;
    f.commit(Batch { blobs: vec![blob], changes: vec![put] }).await.unwrap();
    id
}

fn location(placement: &Placement, blob: codec::BlobId) -> SliverLocation {
    SliverLocation { blob, index: placement.index, attempt: placement.attempt, backend: placement.backend.clone() }
}

fn everywhere() -> Vec<BackendId> {
    (0..10).map(|number| format!("b{number}").parse().unwrap()).collect()
}

both! {
    async fn the_most_endangered_is_first_and_claimed_once(f: &Fixture) {
        let five = degraded(f, "five", 5).await;
        let four = degraded(f, "four", 4).await;
        let jobs = f.store.claim_repairs(1, 60).await.unwrap();
        assert_eq!((jobs.len(), jobs[0].blob.id, jobs[0].attempts), (1, four, 0));
        let jobs = f.store.claim_repairs(10, 60).await.unwrap();
        assert_eq!((jobs.len(), jobs[0].blob.id), (1, five));
        assert_eq!(f.store.claim_repairs(10, 60).await.unwrap(), []);
        let again = RepairEnd { complete: false, ..DONE };
        f.store.end_repair(four, jobs[0].claimed_at, again).await.unwrap();
        let jobs = f.store.claim_repairs(10, 0).await.unwrap();
        assert_eq!((jobs.len(), jobs[0].blob.id, jobs[0].attempts), (1, four, 1));
        f.store.end_repair(four, jobs[0].claimed_at, DONE).await.unwrap();
        f.store.end_repair(five, jobs[0].claimed_at, DONE).await.unwrap();
        assert_eq!(f.store.jobs().await.unwrap(), []);
    }

    async fn a_claim_lasts_as_long_as_it_is_renewed(f: &Fixture) {
        let blob = degraded(f, "key", 5).await;
        let claimed_until = async || f.one_int("SELECT claimed_until FROM job").await;
        f.store.claim_repairs(1, 60).await.unwrap();
        let first = claimed_until().await;
        f.store.renew_repairs(vec![blob], 600).await.unwrap();
        assert!(claimed_until().await > first + 500_000_000, "extended");
        f.meddle("UPDATE job SET claimed_until = 1").await;
        f.store.renew_repairs(vec![blob], 600).await.unwrap();
        assert_eq!(claimed_until().await, 1, "what has run out is others' to take");
        assert_eq!(f.store.claim_repairs(1, 60).await.unwrap().len(), 1);
        // Asked for again while somebody works on it.
        f.store.enqueue_repairs_of_backend(&"b1".parse().unwrap()).await.unwrap();
        f.store.renew_repairs(vec![blob], 600).await.unwrap();
        assert_eq!(claimed_until().await, 0, "it is due at once");
    }

    async fn a_batch_comes_in_the_order_of_urgency(f: &Fixture) {
        let (mut expected, mut ranked) = (Vec::new(), Vec::new());
        for (name, slivers) in [("a", 5), ("b", 4), ("c", 5), ("d", 4)] {
            ranked.push((slivers, degraded(f, name, slivers).await));
        }
        ranked.sort_unstable();
        expected.extend(ranked.into_iter().map(|(_, id)| id));
        let claimed: Vec<_> = f.store.claim_repairs(10, 60).await.unwrap().iter().map(|job| job.blob.id).collect();
        assert_eq!(claimed, expected);
    }

    async fn a_job_that_fails_for_ever_lets_others_pass(f: &Fixture) {
        let failing = degraded(f, "urgent", 4).await;
        let job = f.store.claim_repairs(1, 60).await.unwrap().remove(0);
        assert_eq!(job.blob.id, failing);
        let later = RepairEnd { complete: false, retry_after_seconds: 600, rank: Some(left(4)) };
        f.store.end_repair(failing, job.claimed_at, later).await.unwrap();
        let other = degraded(f, "less urgent", 5).await;
        let claimed = f.store.claim_repairs(10, 60).await.unwrap();
        assert_eq!(claimed.iter().map(|job| job.blob.id).collect::<Vec<_>>(), [other]);
        f.meddle("UPDATE job SET claimed_until = 1").await;
        assert_eq!(f.store.claim_repairs(10, 60).await.unwrap().len(), 2, "it is tried again");
    }

    async fn what_cannot_be_repaired_now_comes_last(f: &Fixture) {
        let three = degraded(f, "three", 3).await;
        let five = degraded(f, "five", 5).await;
        let four = degraded(f, "four", 4).await;
        for id in [four, five, three] {
            assert_eq!(f.store.claim_repairs(1, 60).await.unwrap()[0].blob.id, id);
        }
    }

    async fn a_repair_that_failed_keeps_its_rank(f: &Fixture) {
        let blob = degraded(f, "key", 5).await;
        let again = |rank| RepairEnd { complete: false, retry_after_seconds: 0, rank };
        for (rank, urgency) in [
            (None, FIVE_LEFT),
            (Some(left(4)), FOUR_LEFT),
            (None, FOUR_LEFT),
            (Some(RepairRank::TooFewLeft), TOO_FEW),
            (None, TOO_FEW),
        ] {
            let claimed_at = f.store.claim_repairs(1, 0).await.unwrap()[0].claimed_at;
            f.store.end_repair(blob, claimed_at, again(rank)).await.unwrap();
            assert_eq!(f.one_int("SELECT urgency FROM job").await, urgency);
        }
    }

    async fn each_finding_makes_it_more_urgent_until_nothing_helps(f: &Fixture) {
        let blob = f.put("key", 10).await.extents[0].blob;
        let on = |number: u8| format!("b{number}").parse().unwrap();
        let finding = |index| Finding { blob, index, backend: on(index), kind: "damaged".to_owned() };
        for (index, urgency) in [(0, FIVE_LEFT), (0, FIVE_LEFT), (3, FOUR_LEFT), (5, TOO_FEW), (1, TOO_FEW)] {
            f.store.record_findings(vec![finding(index)]).await.unwrap();
            assert_eq!(f.one_int("SELECT urgency FROM job").await, urgency);
        }
        f.meddle("DELETE FROM finding").await;
        f.store.record_findings(vec![Finding { backend: on(9), ..finding(2) }]).await.unwrap();
        assert_eq!(f.one_int("SELECT urgency FROM job").await, WHOLE, "its sliver is not there any more");
    }

    async fn slivers_on_backends_that_left_do_not_count(f: &Fixture) {
        let whole = f.put("key", 10).await.extents[0].blob;
        f.meddle("INSERT INTO backend (name, url, provider, zone, formatted, created_at) \
                  SELECT DISTINCT backend, '', '', '', TRUE, 0 FROM sliver").await;
        let backend = |number: u8| -> BackendId { format!("b{number}").parse().unwrap() };
        f.store.set_backend_removed(&backend(0), true).await.unwrap();
        f.store.enqueue_leaving(None).await.unwrap();
        assert_eq!(f.one_int("SELECT urgency FROM job").await, FIVE_LEFT);
        f.store.enqueue_repairs_of_backend(&backend(4)).await.unwrap();
        assert_eq!(f.one_int("SELECT urgency FROM job").await, FOUR_LEFT, "what was accepted again may have nothing");
        let finding = Finding { blob: whole, index: 2, backend: backend(2), kind: "missing".to_owned() };
        f.store.record_findings(vec![finding]).await.unwrap();
        assert_eq!(f.one_int("SELECT urgency FROM job").await, FOUR_LEFT, "one was removed, one is missing");
        f.meddle("DELETE FROM job").await;
        f.store.set_backend_removed(&backend(1), true).await.unwrap();
        f.store.enqueue_leaving(None).await.unwrap();
        assert_eq!(f.one_int("SELECT urgency FROM job").await, TOO_FEW, "three of six are left");
    }

    async fn a_finding_meanwhile_keeps_the_job(f: &Fixture) {
        let blob = degraded(f, "key", 5).await;
        let finding = |index| Finding { blob, index, backend: "b1".parse().unwrap(), kind: "damaged".to_owned() };
        f.store.record_findings(vec![finding(1)]).await.unwrap();
        let jobs = f.store.claim_repairs(10, 60).await.unwrap();
        assert_eq!(jobs[0].suspects, [(1, "b1".parse().unwrap())]);
        f.meddle("UPDATE finding SET found_at = found_at + 3600000000").await;
        f.store.end_repair(blob, jobs[0].claimed_at, DONE).await.unwrap();
        assert_eq!(f.store.jobs().await.unwrap(), [("repair".to_owned(), 1)]);
        let jobs = f.store.claim_repairs(10, 60).await.unwrap();
        f.meddle("UPDATE finding SET found_at = 1").await;
        f.store.end_repair(blob, jobs[0].claimed_at, DONE).await.unwrap();
        assert_eq!((f.store.jobs().await.unwrap(), f.store.findings().await.unwrap()), (vec![], vec![]));
    }

    async fn a_sliver_moves_once_and_the_old_one_is_queued(f: &Fixture) {
        let blob = f.put("key", 10).await.extents[0].blob;
        let from = f.store.blob(&blob).await.unwrap().unwrap().placements[2].clone();
        let to = Placement { backend: "b9".parse().unwrap(), attempt: 99, ..from.clone() };
        let new = location(&to, blob);
        let name = (blob, 2, 99, to.backend.clone());
        assert_eq!(f.store.known_slivers(std::slice::from_ref(&name)).await.unwrap(), [false]);
        let stamp = f.store.announce_slivers(f.incarnation, vec![new.clone()]).await.unwrap();
        assert_eq!(f.store.known_slivers(std::slice::from_ref(&name)).await.unwrap(), [true], "it is no orphan");
        let sliver = SliverMove { blob, from: Some(from.clone()), to: to.clone(), stamp, discard: true, bytes: 1 };
        let stale = SliverMove { from: None, ..sliver.clone() };
        assert!(!f.store.move_sliver(f.incarnation, stale).await.unwrap(), "there is one");
        let late = SliverMove { stamp: stamp - 1, ..sliver.clone() };
        assert!(!f.store.move_sliver(f.incarnation, late).await.unwrap(), "another announcement");
        assert!(f.store.move_sliver(f.incarnation, sliver.clone()).await.unwrap());
        assert!(!f.store.move_sliver(f.incarnation, sliver.clone()).await.unwrap(), "it moved already");
        assert_eq!(f.store.blob(&blob).await.unwrap().unwrap().placements[2], to);
        assert_eq!(f.store.discardable(&everywhere(), 10).await.unwrap(), [location(&from, blob)]);
        assert_eq!(f.store.discardable(&everywhere(), 10).await.unwrap(), [], "claimed");
        f.store.discarded(vec![location(&from, blob)]).await.unwrap();
        assert_eq!(f.one_int("SELECT COUNT(*) FROM discard").await, 0);
        let fenced = f.store.announce_slivers(99, vec![new.clone()]).await;
        assert!(matches!(fenced, Err(MetadataError::Fenced)));
        assert!(matches!(f.store.move_sliver(99, sliver).await, Err(MetadataError::Fenced)));
    }

    async fn a_dead_blob_takes_no_sliver_and_its_job_goes(f: &Fixture) {
        let blob = degraded(f, "key", 5).await;
        let to = Placement { index: 5, backend: "b5".parse().unwrap(), attempt: 9, root: codec::Root([1; 32]) };
        let stamp = f.store.announce_slivers(f.incarnation, vec![location(&to, blob)]).await.unwrap();
        f.delete("key").await;
        let sliver = SliverMove { blob, from: None, to: to.clone(), stamp, discard: false, bytes: 1 };
        assert!(!f.store.move_sliver(f.incarnation, sliver).await.unwrap());
        assert_eq!(f.store.claim_repairs(10, 60).await.unwrap(), []);
        assert_eq!(f.store.jobs().await.unwrap(), []);
        assert_eq!(f.store.discardable(&everywhere(), 10).await.unwrap(), [], "it may still be written");
        f.meddle("UPDATE discard SET not_before = 1").await;
        assert_eq!(f.store.discardable(&everywhere(), 10).await.unwrap(), [location(&to, blob)]);
    }

    async fn what_a_row_names_is_never_discarded(f: &Fixture) {
        f.put("key", 10).await;
        f.meddle("INSERT INTO discard (blob_id, sliver_index, attempt, backend, not_before) \
                  SELECT blob_id, sliver_index, attempt, backend, 1 FROM sliver").await;
        assert_eq!(f.store.discardable(&everywhere(), 10).await.unwrap(), []);
    }

    async fn what_waits_for_one_backend_keeps_no_other_from_its_turn_and_is_tried_ever_more_seldom(f: &Fixture) {
        let [away, other]: [BackendId; 2] = ["b1", "b2"].map(|name| name.parse().unwrap());
        let waiting = |attempt, backend: &BackendId| SliverLocation {
            blob: codec::BlobId([7; 16]),
            index: 0,
            attempt,
            backend: backend.clone(),
        };
        let slivers = (0..300).map(|attempt| waiting(attempt, &away)).chain([waiting(300, &other)]);
        f.store.announce_slivers(f.incarnation, slivers.collect()).await.unwrap();
        f.meddle("UPDATE discard SET not_before = 1 + attempt").await;
        let claimed = f.store.discardable(&everywhere(), 40).await.unwrap();
        assert_eq!((claimed.len(), claimed.last()), (21, Some(&waiting(300, &other))));
        f.meddle("UPDATE discard SET not_before = 1 + attempt WHERE backend = 'b2'").await;
        assert_eq!(f.store.discardable(std::slice::from_ref(&other), 40).await.unwrap(), [waiting(300, &other)]);
        assert_eq!(f.one_int("SELECT COUNT(*) FROM discard WHERE tries = 0").await, 280, "who is not asked takes no turns");
        for _ in 0..40 {
            f.meddle("UPDATE discard SET not_before = 1 WHERE backend = 'b2'").await;
            f.store.discardable(std::slice::from_ref(&other), 40).await.unwrap();
        }
        let now = f.store.database().reader().await.unwrap().dialect().now();
        let text = format!("SELECT (not_before - {now}) / 1000000 FROM discard WHERE backend = 'b2'");
        let pause = f.one_int(text).await;
        assert!((3_700..=3_840).contains(&pause), "an hour at most: {pause}");
    }

    async fn a_dead_blob_on_a_removed_backend_asks_for_nothing(f: &Fixture) {
        f.put("key", 10).await;
        f.meddle("INSERT INTO backend (name, url, provider, zone, formatted, created_at) \
                  SELECT DISTINCT backend, '', '', '', TRUE, 0 FROM sliver").await;
        f.delete("key").await;
        f.store.set_backend_removed(&"b1".parse().unwrap(), true).await.unwrap();
        for _ in 0..2 {
            assert_eq!(f.store.enqueue_leaving(None).await.unwrap().enqueued, 0);
            assert_eq!(f.store.claim_repairs(10, 60).await.unwrap(), []);
        }
    }

    async fn blobs_on_removed_backends_ask_for_repair(f: &Fixture) {
        f.put("key", 10).await;
        f.meddle("INSERT INTO backend (name, url, provider, zone, formatted, created_at) \
                  SELECT DISTINCT backend, '', '', '', TRUE, 0 FROM sliver").await;
        assert_eq!(f.store.enqueue_leaving(None).await.unwrap().enqueued, 0);
        f.store.set_backend_removed(&"b1".parse().unwrap(), true).await.unwrap();
        assert_eq!(f.store.enqueue_leaving(None).await.unwrap().enqueued, 1);
        assert_eq!(f.store.enqueue_leaving(None).await.unwrap().enqueued, 0);
        assert_eq!(f.store.jobs().await.unwrap(), [("repair".to_owned(), 1)]);
        f.put("other", 10).await;
        f.put_empty(&["empty"]).await;
        assert_eq!(f.store.enqueue_repairs_of_backend(&"b3".parse().unwrap()).await.unwrap(), 2);
        assert_eq!(f.store.enqueue_repairs_of_backend(&"b7".parse().unwrap()).await.unwrap(), 0);
        assert_eq!(f.store.jobs().await.unwrap(), [("repair".to_owned(), 2)]);
    }
}

#[tokio::test]
async fn a_claim_reads_neither_jobs_that_wait_nor_more_than_it_claims() {
    let f = Fixture::sqlite().await;
    for (text, index) in
        [(waking(Dialect::Sqlite), "job_waiting"), (claimable(Dialect::Sqlite, RepairClass::Any), "job_ready")]
    {
        let statement = Statement::new(format!("EXPLAIN QUERY PLAN {}", text.replace("$1", "1")));
        let rows = f.store.database().rows(statement).await.unwrap();
        let plan: Vec<_> = rows.iter().map(|row| row.text(3).unwrap().to_owned()).collect();
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:?}");
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "it is read in order: {plan:?}");
    }
}
