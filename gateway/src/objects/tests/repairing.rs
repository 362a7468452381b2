//! Blobs that lost slivers come back to full strength.

use backends::{Fault, Operation, When};

use super::world::{World, content};

impl World {
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
    let world = World::new("rs-4-2", 6).await;
    let bodies = [content(500), content(9 << 20)];
    world.faults[0].set_all(Fault::Down);
    for (at, body) in bodies.iter().enumerate() {
        world.put(&format!("{at}"), body).await.expect("five of six are the floor");
    }
    world.repair().await;
    assert_eq!(world.repair_jobs().await, 3, "there is no place for them yet");
    world.faults[0].clear();
    tokio::time::sleep(std::time::Duration::from_secs(8)).await;
    world.repair().await;
    let report = world.check().await;
    assert_eq!((report.degraded_blobs, report.unreadable_blobs), (0, 0), "{report:?}");
    assert_eq!(world.repair_jobs().await, 0);
    // Two others go: what was made again must do its part.
    for (a, b) in [(1, 2), (3, 4), (5, 2)] {
        world.faults[a].set_all(Fault::Down);
        world.faults[b].set_all(Fault::Down);
        for (at, body) in bodies.iter().enumerate() {
            assert!(world.get(&format!("{at}")).await.expect("read") == *body);
        }
        world.faults.iter().for_each(backends::Faults::clear);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_read_complains_of_is_made_again() {
    for fault in [Fault::Flipped, Fault::Short] {
        let world = World::new("rs-4-2", 8).await;
        let body = content(3 << 20);
        world.put("key", &body).await.expect("stored");
        let before = world.slivers().await;
        for faults in &world.faults[..2] {
            faults.set(&[Operation::Read], fault, When::Always);
        }
        assert!(world.get("key").await.expect("read") == body);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let asked = world.repair_jobs().await;
        world.repair().await;
        world.faults.iter().for_each(backends::Faults::clear);
        // A new sliver that went to a backend which lies did not pass either, and is tried again a little later.
        for _ in 0..20 {
            if world.repair_jobs().await == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            world.repair().await;
        }
        assert_eq!((world.repair_jobs().await, world.metadata.findings().await.expect("findings").len()), (0, 0));
        assert!(world.get("key").await.expect("read") == body);
        assert!(world.slivers().await <= before + asked_slivers(asked), "the old ones went");
        assert_eq!(world.check().await.degraded_blobs, 0);
    }
}

/// Slivers that may still lie where a repair gave them up, for an hour: two for each blob that was asked about.
fn asked_slivers(jobs: u64) -> usize {
    usize::try_from(jobs).expect("few") * 2
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_died_is_not_repaired() {
    let world = World::new("rs-4-2", 6).await;
    world.faults[0].set_all(Fault::Down);
    world.put("key", &content(2 << 20)).await.expect("five of six are the floor");
    world.delete("key").await.expect("deleted");
    world.faults[0].clear();
    world.repair().await;
    assert_eq!(world.repair_jobs().await, 0);
    world.collect().await;
    assert_eq!(world.slivers().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_in_the_middle_of_a_repair_leaves_nothing_and_is_tried_again() {
    let world = World::new("rs-4-2", 7).await;
    let body = content(9 << 20);
    world.faults[0].set_all(Fault::Down);
    world.faults[1].set_all(Fault::Down);
    world.put("key", &body).await.expect("five of six are the floor");
    world.faults.iter().for_each(backends::Faults::clear);
    world.faults[0].set(&[Operation::Write], Fault::Reset, When::Every(3));
    world.faults[1].set(&[Operation::Write], Fault::Reset, When::Every(3));
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    world.objects.repair().await.expect("tried");
    world.faults.iter().for_each(backends::Faults::clear);
    tokio::time::sleep(std::time::Duration::from_secs(9)).await;
    world.repair().await;
    assert_eq!(world.check().await.degraded_blobs, 0);
    assert!(world.get("key").await.expect("read") == body);
}
