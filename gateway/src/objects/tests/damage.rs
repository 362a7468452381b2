//! Slivers that are lost or lie.

use backends::{Fault, Operation, When};

use super::world::{World, content};
use crate::objects::ObjectsError;

#[tokio::test(flavor = "multi_thread")]
async fn any_two_of_six_backends_may_be_down() {
    let world = World::new("rs-4-2", 6).await;
    let (small, large) = (content(5_000), content(9 << 20));
    world.put("small", &small).await.expect("stored");
    world.put("large", &large).await.expect("stored");
    for (a, b) in [(0, 1), (2, 5), (3, 4), (1, 3)] {
        world.faults[a].set_all(Fault::Down);
        world.faults[b].set_all(Fault::Down);
        assert!(world.get("small").await.expect("read") == small);
        assert!(world.get("large").await.expect("read") == large);
        assert!(world.get_range("large", 1_000_000..1_000_010).await.expect("read") == large[1_000_000..1_000_010]);
        world.faults.iter().for_each(backends::Faults::clear);
    }
    for fault in &world.faults[..3] {
        fault.set_all(Fault::Down);
    }
    assert!(matches!(world.get("large").await, Err(ObjectsError::Unavailable(_))), "three are too many");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_lie_are_never_served() {
    for fault in [Fault::Flipped, Fault::Swapped, Fault::Stale, Fault::Short, Fault::Io] {
        let world = World::new("rs-4-2", 6).await;
        let bodies: Vec<_> = [300, 70_000, 3 << 20].into_iter().map(content).collect();
        for round in 0..2 {
            for (at, body) in bodies.iter().enumerate() {
                world.put(&format!("{at}/{round}"), body).await.expect("stored");
            }
        }
        world.faults[1].set(&[Operation::Read], fault, When::Always);
        world.faults[4].set(&[Operation::Read], fault, When::Every(2));
        for (at, body) in bodies.iter().enumerate() {
            for round in 0..2 {
                assert!(world.get(&format!("{at}/{round}")).await.expect("read") == *body, "{fault:?} {at}");
            }
        }
        assert!(world.faults[1].injected() + world.faults[4].injected() > 0, "{fault:?} struck");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parity_sliver_that_lies_is_named_by_its_leaf() {
    let world = World::new("rs-4-2", 6).await;
    let body = content(3 << 20);
    world.put("key", &body).await.expect("stored");
    // One backend is down and another lies: wherever data and parity lie, reconstruction may meet the lie.
    for (down, liar) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)] {
        world.faults[down].set_all(Fault::Down);
        world.faults[liar].set(&[Operation::Read], Fault::Flipped, When::Always);
        assert!(world.get("key").await.expect("read") == body);
        world.faults.iter().for_each(backends::Faults::clear);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_hangs_is_hedged() {
    let world = World::new("rs-4-2", 6).await;
    let body = content(3 << 20);
    world.put("key", &body).await.expect("stored");
    world.faults[2].set(&[Operation::Read], Fault::Hang, When::Always);
    let read = tokio::time::timeout(std::time::Duration::from_secs(20), world.get("key")).await;
    assert!(read.expect("not held up").expect("read") == body);
}
