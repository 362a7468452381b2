//! Blobs that lost slivers come back to full strength.

use std::time::Duration;

use backends::{Fault, Operation, SliverName, When};

use crate::objects::tests::fixture::{Fixture, content};
use crate::tests::wait_until;

impl Fixture {
    /// As if all pauses had passed: jobs are tried again, and backends that had failed are used again.
    async fn pass_pauses(&mut self) {
        self.metadata.make_repairs_due().await;
        self.objects = self.another();
    }

    /// Repairs until there is nothing to do now.
    async fn repair(&self) {
        while self.objects.repair().await.expect("repaired") + self.discard().await > 0 {}
    }

    async fn repair_jobs(&self) -> u64 {
        self.metadata.jobs().await.expect("jobs").iter().map(|(_, count)| count).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_degraded_write_is_completed_when_its_backend_is_back() {
    let mut fixture = Fixture::new("rs-4-2", 6).await;
    let bodies = [content(500), content(9 << 20)];
    fixture.faults[0].set_all(Fault::Down);
    for (at, body) in bodies.iter().enumerate() {
        fixture.put(&format!("{at}"), body).await.expect("five of six are the floor");
    }
    fixture.repair().await;
    assert_eq!(fixture.repair_jobs().await, 3, "there is no place for them yet");
    fixture.faults[0].clear();
    fixture.pass_pauses().await;
    fixture.repair().await;
    let report = fixture.check().await;
    assert_eq!((report.degraded_blobs, report.unreadable_blobs), (0, 0), "{report:?}");
    assert_eq!(fixture.repair_jobs().await, 0);
    // Two others go: what was rebuilt must do its part.
    for (a, b) in [(1, 2), (3, 4), (5, 2)] {
        fixture.faults[a].set_all(Fault::Down);
        fixture.faults[b].set_all(Fault::Down);
        for (at, body) in bodies.iter().enumerate() {
            assert!(fixture.get(&format!("{at}")).await.expect("read") == *body);
        }
        fixture.faults.iter().for_each(backends::Faults::clear);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_read_complains_of_is_made_again() {
    for fault in [Fault::Flipped, Fault::Short] {
        let mut fixture = Fixture::new("rs-4-2", 8).await;
        let body = content(3 << 20);
        fixture.put("key", &body).await.expect("stored");
        let before = fixture.slivers().await;
        // The first two slivers hold content: reads want them, unless their backends seem slow just then.
        for backend in fixture.backends_of([0, 1]) {
            fixture.faults[backend].set(&[Operation::Read], fault, When::Always);
        }
        wait_until("what a read found is filed", async || {
            assert!(fixture.get("key").await.expect("read") == body);
            (!fixture.metadata.findings().await.expect("findings").is_empty()).then_some(())
        })
        .await;
        let asked = fixture.repair_jobs().await;
        assert_eq!(asked, 1, "there is one blob");
        fixture.repair().await;
        fixture.faults.iter().for_each(backends::Faults::clear);
        // A new sliver that went to a backend which lies did not pass either, and is tried again a little later.
        for _ in 0..4 {
            fixture.pass_pauses().await;
            fixture.repair().await;
        }
        assert_eq!((fixture.repair_jobs().await, fixture.metadata.findings().await.expect("findings").len()), (0, 0));
        assert!(fixture.get("key").await.expect("read") == body);
        assert!(fixture.slivers().await <= before + requested_slivers(asked), "the old ones went");
        assert_eq!(fixture.check().await.degraded_blobs, 0);
    }
}

impl Fixture {
    /// The backends of these slivers of the only blob.
    fn backends_of(&self, indices: [u8; 2]) -> [usize; 2] {
        let index = |path: &std::path::PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            name.parse::<SliverName>().expect("a sliver").index
        };
        let holds = |backend: &usize, wanted: u8| self.files_of(*backend).iter().any(|path| index(path) == wanted);
        indices.map(|wanted| (0..self.faults.len()).find(|backend| holds(backend, wanted)).expect("it is somewhere"))
    }
}

/// Slivers that may still lie where a repair gave them up, for an hour: two for each blob that was asked about.
fn requested_slivers(jobs: u64) -> usize {
    usize::try_from(jobs).expect("few") * 2
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_died_is_not_repaired() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.faults[0].set_all(Fault::Down);
    fixture.put("key", &content(2 << 20)).await.expect("five of six are the floor");
    fixture.delete("key").await.expect("deleted");
    fixture.faults[0].clear();
    fixture.repair().await;
    assert_eq!(fixture.repair_jobs().await, 0);
    fixture.collect().await;
    assert_eq!(fixture.slivers().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_in_the_middle_of_a_repair_leaves_nothing_and_is_tried_again() {
    let mut fixture = Fixture::new("rs-4-2", 7).await;
    let body = content(9 << 20);
    fixture.faults[0].set_all(Fault::Down);
    fixture.faults[1].set_all(Fault::Down);
    fixture.put("key", &body).await.expect("five of six are the floor");
    fixture.faults.iter().for_each(backends::Faults::clear);
    fixture.faults[0].set(&[Operation::Write], Fault::Reset, When::Every(3));
    fixture.faults[1].set(&[Operation::Write], Fault::Reset, When::Every(3));
    let struck = |fixture: &Fixture| fixture.faults[..2].iter().map(backends::Faults::injected).sum::<u64>();
    let before = struck(&fixture);
    fixture.pass_pauses().await;
    fixture.objects.repair().await.expect("tried");
    assert!(struck(&fixture) > before, "a write failed");
    assert!(fixture.check().await.degraded_blobs > 0, "what it was part of was not taken for repaired");
    fixture.faults.iter().for_each(backends::Faults::clear);
    fixture.pass_pauses().await;
    fixture.repair().await;
    assert_eq!(fixture.check().await.degraded_blobs, 0);
    assert!(fixture.get("key").await.expect("read") == body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_loss_would_end_does_not_wait_for_the_bound_of_repairs() {
    let fixture = Fixture::new("rs-4-2", 8).await;
    fixture.record_backends().await;
    fixture.put("key", &content(3 << 20)).await.expect("stored");
    let blob = fixture.metadata.live_blobs(None, 1).await.expect("rows").remove(0);
    fixture.objects.inner.rebuild_pace.owe(Duration::from_secs(3_600));
    for (placement, expected) in blob.placements.iter().zip([0, 1]) {
        fixture.metadata.set_backend_removed(&placement.backend, true).await.expect("removed");
        fixture.metadata.enqueue_leaving(None).await.expect("asked for");
        assert_eq!(fixture.objects.repair().await.expect("repaired"), expected, "{} is gone", placement.backend);
    }
}
