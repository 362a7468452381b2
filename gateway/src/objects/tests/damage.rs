//! Slivers that are lost or lie.

use std::time::Duration;

use backends::{Fault, Operation, When};

use crate::objects::error::ObjectsError;
use crate::objects::tests::fixture::{Fixture, content};

#[tokio::test(flavor = "multi_thread")]
async fn any_two_of_six_backends_may_be_down() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let (small, large) = (content(5_000), content(9 << 20));
    fixture.put("small", &small).await.expect("stored");
    fixture.put("large", &large).await.expect("stored");
    for (a, b) in [(0, 1), (2, 5), (3, 4), (1, 3)] {
        fixture.faults[a].set_all(Fault::Down);
        fixture.faults[b].set_all(Fault::Down);
        assert!(fixture.get("small").await.expect("read") == small);
        assert!(fixture.get("large").await.expect("read") == large);
        assert!(fixture.get_range("large", 1_000_000..1_000_010).await.expect("read") == large[1_000_000..1_000_010]);
        fixture.faults.iter().for_each(backends::Faults::clear);
    }
    for fault in &fixture.faults[..3] {
        fault.set_all(Fault::Down);
    }
    assert!(matches!(fixture.get("large").await, Err(ObjectsError::Unavailable(_))), "three are too many");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_lie_are_never_served() {
    for fault in [Fault::Flipped, Fault::Swapped, Fault::Stale, Fault::Short, Fault::Io] {
        let fixture = Fixture::new("rs-4-2", 6).await;
        let bodies: Vec<_> = [300, 70_000, 3 << 20].into_iter().map(content).collect();
        for round in 0..2 {
            for (at, body) in bodies.iter().enumerate() {
                fixture.put(&format!("{at}/{round}"), body).await.expect("stored");
            }
        }
        fixture.faults[1].set(&[Operation::Read], fault, When::Always);
        fixture.faults[4].set(&[Operation::Read], fault, When::Every(2));
        for (at, body) in bodies.iter().enumerate() {
            for round in 0..2 {
                assert!(fixture.get(&format!("{at}/{round}")).await.expect("read") == *body, "{fault:?} {at}");
            }
        }
        assert!(fixture.faults[1].injected() + fixture.faults[4].injected() > 0, "{fault:?} struck");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parity_sliver_that_lies_is_named_by_its_leaf() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = content(3 << 20);
    fixture.put("key", &body).await.expect("stored");
    // One backend is down and another lies: wherever data and parity lie, reconstruction may meet the lie.
    for (down, liar) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)] {
        fixture.faults[down].set_all(Fault::Down);
        fixture.faults[liar].set(&[Operation::Read], Fault::Flipped, When::Always);
        assert!(fixture.get("key").await.expect("read") == body);
        fixture.faults.iter().for_each(backends::Faults::clear);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_hangs_is_hedged() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = content(3 << 20);
    fixture.put("key", &body).await.expect("stored");
    fixture.faults[2].set(&[Operation::Read], Fault::Hang, When::Always);
    let read = tokio::time::timeout(Duration::from_secs(20), fixture.get("key")).await;
    assert!(read.expect("not held up").expect("read") == body);
}

/// A part of a flipped sliver was got, its whole blocks were refused, and it was asked again before any other, for ever.
#[tokio::test(flavor = "multi_thread")]
async fn slivers_that_are_flipped_or_cut_short_hold_up_no_read() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    for at in 0..60 {
        let (flipped, cut) = (at % 6, (at % 6 + 1 + at / 6 % 5) % 6);
        let body = content([1_048_577, 1_700_000, 3_300_000, 5_000_000][at % 4]);
        let key = format!("{at}");
        fixture.put(&key, &body).await.expect("stored");
        for (backend, cuts) in [(flipped, false), (cut, true)] {
            for file in fixture.files_of(backend) {
                let mut bytes = std::fs::read(&file).expect("a sliver");
                let middle = bytes.len() / 2;
                match cuts {
                    false => bytes[middle] ^= 0x40,
                    true => bytes.truncate(middle),
                }
                std::fs::write(&file, bytes).expect("damaged");
            }
        }
        let gateway = fixture.another();
        // Whose backend seems fast is asked first.
        for backend in [cut, flipped] {
            gateway.committee().backends()[backend].reads.record(Duration::from_micros(1));
        }
        let read = fixture.get_range_through(&gateway, &key, 0..u64::MAX);
        let read = tokio::time::timeout(Duration::from_secs(60), read).await;
        assert!(read.expect("it ends").expect("read") == body, "{flipped} is flipped and {cut} is cut: {key}");
        assert!(fixture.delete(&key).await.expect("deleted"));
        fixture.collect().await;
    }
}
