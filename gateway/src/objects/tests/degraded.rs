//! Writes while backends are missing.

use std::sync::Arc;
use std::time::Duration;

use backends::{Breaker, CircuitPolicy, Fault, Operation, When};

use crate::objects::error::ObjectsError;
use crate::objects::tests::fixture::{Fixture, content};
use crate::tests::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn a_spare_takes_the_place_of_a_backend_that_fails() {
    let fixture = Fixture::new("rs-4-2", 8).await;
    fixture.faults[0].set_all(Fault::Down);
    fixture.faults[3].set(&[Operation::Write, Operation::Put], Fault::Full, When::Always);
    for (at, bytes) in [500, 2 << 20, 9 << 20].into_iter().enumerate() {
        let body = content(bytes);
        fixture.put(&format!("{at}"), &body).await.expect("stored");
        assert!(fixture.get(&format!("{at}")).await.expect("read") == body);
    }
    fixture.faults.iter().for_each(backends::Faults::clear);
    let report = fixture.check().await;
    assert_eq!(report.degraded_blobs, 0, "every blob has all of its slivers: {report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_spare_a_write_is_degraded_down_to_the_floor_and_refused_below() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.faults[0].set_all(Fault::Down);
    for (key, body) in [("small", content(500)), ("large", content(2 << 20))] {
        fixture.put(key, &body).await.expect("five of six are the floor");
        assert!(fixture.get(key).await.expect("read") == body);
    }
    assert_eq!(fixture.check().await.degraded_blobs, 2);
    let jobs = fixture.metadata.jobs().await.expect("jobs");
    assert_eq!(jobs, [("repair".to_owned(), 2)], "each degraded blob has its repair job");

    fixture.faults[1].set_all(Fault::Down);
    for (key, body) in [("tiny", content(500)), ("big", content(2 << 20))] {
        assert!(matches!(fixture.put(key, &body).await, Err(ObjectsError::Unavailable(_))), "four are k");
        assert!(matches!(fixture.get(key).await, Err(ObjectsError::NoSuchKey)), "nothing became visible");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_breaks_in_the_middle_costs_one_sliver() {
    let fixture = Fixture::new("rs-4-2", 7).await;
    for at in 0..7 {
        fixture.faults[at].set(&[Operation::Write], Fault::Reset, When::Every(2));
        let body = content(6 << 20);
        fixture.put("key", &body).await.expect("stored");
        fixture.faults[at].clear();
        assert!(fixture.get("key").await.expect("read") == body);
    }
    let struck = fixture.faults.iter().filter(|faults| faults.injected() > 0).count();
    assert!(struck >= 3, "only {struck} of seven backends broke");
    fixture.collect().await;
    let report = fixture.check().await;
    assert_eq!((report.degraded_blobs, report.unreadable_blobs), (0, 0), "{report:?}");
}

/// The breakers would refuse for an hour; what is needed is asked all the same.
#[tokio::test(flavor = "multi_thread")]
async fn backends_that_came_back_are_read_although_their_circuits_are_open() {
    let hour = Duration::from_secs(3_600);
    let policy = CircuitPolicy { failures: 1, backoff_min: hour, backoff_max: hour };
    let fixture =
        Fixture::build("rs-4-2", 6, |name, store| Arc::new(Breaker::new(store, name, policy)), 288 << 20).await;
    let bodies = [("small", content(500)), ("large", content(5 << 20))];
    for (key, body) in &bodies {
        fixture.put(key, body).await.expect("stored");
    }
    fixture.faults.iter().for_each(|faults| faults.set_all(Fault::Down));
    for (key, _) in &bodies {
        assert!(matches!(fixture.get(key).await, Err(ObjectsError::Unavailable(_))));
    }
    // Exactly k come back.
    fixture.faults[1..5].iter().for_each(backends::Faults::clear);
    for (key, body) in &bodies {
        // A probe that found it away is believed for a moment.
        let read = wait_until("it can be read again", async || fixture.get(key).await.ok()).await;
        assert!(read == *body);
    }
}
