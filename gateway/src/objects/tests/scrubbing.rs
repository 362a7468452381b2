//! Own disks are read through, and what decayed is repaired.

use std::fs;

use backends::Fault;

use crate::audit::{Scrub, Scrubbed};
use crate::metadata::MetadataError;
use crate::objects::tests::fixture::{Fixture, content};

/// Objects of one blob each.
const OBJECTS: u64 = 5;

async fn filled() -> Fixture {
    let fixture = Fixture::new("rs-4-2", 6).await;
    for key in 0..OBJECTS {
        fixture.put(&format!("{key}"), &content(2 << 20)).await.expect("stored");
    }
    fixture
}

/// A whole round, in steps of one blob.
async fn round(fixture: &Fixture) -> Result<(Scrubbed, u64), MetadataError> {
    let scrub = Scrub::new(fixture.metadata.clone(), fixture.cluster, fixture.objects.committee().stores());
    let (mut sum, mut steps) = (Scrubbed::default(), 0);
    loop {
        let step = scrub.go_on(sum.last, 1).await?;
        sum.slivers += step.slivers;
        sum.bytes += step.bytes;
        sum.bad += step.bad;
        sum.last = step.last;
        if sum.last.is_none() {
            return Ok((sum, steps));
        }
        steps += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_decays_unread_is_found_and_repaired() {
    let fixture = filled().await;
    let (sound, steps) = round(&fixture).await.expect("a round");
    assert_eq!((sound.slivers, sound.bad, steps), (OBJECTS * 6, 0, OBJECTS), "every sliver, a blob a step");
    assert!(sound.bytes > (OBJECTS * 3) << 20, "half more than the content: {}", sound.bytes);
    assert!(fixture.metadata.jobs().await.expect("jobs").is_empty());

    let files = fixture.files_of(2);
    fs::remove_file(&files[0]).expect("a file");
    let mut bytes = fs::read(&files[1]).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&files[1], bytes).expect("written");
    let (rotten, _) = round(&fixture).await.expect("a round");
    assert_eq!((rotten.slivers, rotten.bad), (OBJECTS * 6, 2));
    let jobs = fixture.metadata.jobs().await.expect("jobs");
    assert_eq!(jobs, [("repair".to_owned(), 2)]);
    while fixture.objects.repair().await.expect("repaired") > 0 {}
    assert!(fixture.check().await.clean());
    assert_eq!(round(&fixture).await.expect("a round").0.bad, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_away_is_left_for_the_next_round() {
    let fixture = filled().await;
    fixture.faults[1].set_all(Fault::Down);
    let (seen, _) = round(&fixture).await.expect("a round");
    assert_eq!((seen.slivers, seen.bad), (OBJECTS * 5, 0), "nothing is known of what it holds");
    assert!(fixture.metadata.jobs().await.expect("jobs").is_empty());
    fixture.faults[1].clear();
    assert_eq!(round(&fixture).await.expect("a round").0.slivers, OBJECTS * 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_meanwhile_is_not_missed() {
    let fixture = filled().await;
    for key in 0..OBJECTS {
        fixture.delete(&format!("{key}")).await.expect("deleted");
    }
    fixture.collect().await;
    let (seen, steps) = round(&fixture).await.expect("a round");
    assert_eq!((seen.slivers, seen.bad, steps), (0, 0, 0));
}
