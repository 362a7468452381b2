//! Blobs that lost slivers come back to full strength.

use backends::{Fault, Operation, When};

use crate::objects::tests::fixture::{Fixture, content};

impl Fixture {
    /// Repairs until there is nothing to do now.
    async fn repair(&self) {
        while self.objects.repair().await.expect("repaired") + self.objects.discard().await.expect("discarded") > 0 {}
    }

    async fn repair_jobs(&self) -> u64 {
        self.metadata.jobs().await.expect("jobs").iter().map(|(_, count)| count).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_degraded_write_is_completed_when_its_backend_is_back() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let bodies = [content(500), content(9 << 20)];
    fixture.faults[0].set_all(Fault::Down);
    for (at, body) in bodies.iter().enumerate() {
        fixture.put(&format!("{at}"), body).await.expect("five of six are the floor");
    }
    fixture.repair().await;
    assert_eq!(fixture.repair_jobs().await, 3, "there is no place for them yet");
    fixture.faults[0].clear();
    tokio::time::sleep(std::time::Duration::from_secs(8)).await;
    fixture.repair().await;
    let report = fixture.check().await;
    assert_eq!((report.degraded_blobs, report.unreadable_blobs), (0, 0), "{report:?}");
    assert_eq!(fixture.repair_jobs().await, 0);
    // Two others go: what was made again must do its part.
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
        let fixture = Fixture::new("rs-4-2", 8).await;
        let body = content(3 << 20);
        fixture.put("key", &body).await.expect("stored");
        let before = fixture.slivers().await;
        for faults in &fixture.faults[..2] {
            faults.set(&[Operation::Read], fault, When::Always);
        }
        assert!(fixture.get("key").await.expect("read") == body);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let asked = fixture.repair_jobs().await;
        fixture.repair().await;
        fixture.faults.iter().for_each(backends::Faults::clear);
        // A new sliver that went to a backend which lies did not pass either, and is tried again a little later.
        for _ in 0..20 {
            if fixture.repair_jobs().await == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            fixture.repair().await;
        }
        assert_eq!((fixture.repair_jobs().await, fixture.metadata.findings().await.expect("findings").len()), (0, 0));
        assert!(fixture.get("key").await.expect("read") == body);
        assert!(fixture.slivers().await <= before + requested_slivers(asked), "the old ones went");
        assert_eq!(fixture.check().await.degraded_blobs, 0);
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
    let fixture = Fixture::new("rs-4-2", 7).await;
    let body = content(9 << 20);
    fixture.faults[0].set_all(Fault::Down);
    fixture.faults[1].set_all(Fault::Down);
    fixture.put("key", &body).await.expect("five of six are the floor");
    fixture.faults.iter().for_each(backends::Faults::clear);
    fixture.faults[0].set(&[Operation::Write], Fault::Reset, When::Every(3));
    fixture.faults[1].set(&[Operation::Write], Fault::Reset, When::Every(3));
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    fixture.objects.repair().await.expect("tried");
    fixture.faults.iter().for_each(backends::Faults::clear);
    tokio::time::sleep(std::time::Duration::from_secs(9)).await;
    fixture.repair().await;
    assert_eq!(fixture.check().await.degraded_blobs, 0);
    assert!(fixture.get("key").await.expect("read") == body);
}
