//! Decorators around a store in memory.

mod every_method;
mod recording;

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use codec::{BlobId, ClusterId};
use futures::StreamExt;
use tokio::time::Instant;

use crate::decorators::*;
use crate::{BackendSpec, Expect, Operation, SliverName, StoreError, conformance, open_bare};

async fn memory() -> Arc<dyn SliverStore> {
    let (name, url) = ("b".to_owned(), "memory:".to_owned());
    let spec = BackendSpec { name, url, provider: None, zone: None, options: Default::default() };
    open_bare(&spec, ClusterId([1; 16]), Path::new("."), Expect::New).await.unwrap()
}

async fn faulty() -> (Arc<dyn SliverStore>, Faults) {
    let faults = Faults::new(42);
    (Arc::new(Faulty::new(memory().await, faults.clone())), faults)
}

fn name(blob: u8, index: u8, attempt: u32) -> SliverName {
    SliverName { blob: BlobId([blob; 16]), index, attempt }
}

fn bytes(text: &'static str) -> Vec<Bytes> {
    vec![Bytes::from_static(text.as_bytes())]
}

#[tokio::test]
async fn every_decorator_keeps_the_promises_of_a_store() {
    conformance::run(Arc::new(Deadline::new(memory().await, Deadlines::default()))).await;
    conformance::run(Arc::new(Metered::new(memory().await, "b"))).await;
    conformance::run(Arc::new(Breaker::new(memory().await, "b", CircuitPolicy::default()))).await;
    conformance::run(faulty().await.0).await;
    conformance::run(guard(memory().await, "b", Deadlines::default())).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever_for_a_store_that_hangs() {
    let (store, faults) = faulty().await;
    store.put(&name(1, 0, 0), bytes("sliver")).await.unwrap();
    let store = Deadline::new(store, Deadlines { small: Duration::from_secs(3), ..Deadlines::default() });
    let mut writer = store.create(&name(2, 0, 0)).await.unwrap();
    let sealing = store.create(&name(3, 0, 0)).await.unwrap();
    let aborting = store.create(&name(4, 0, 0)).await.unwrap();
    faults.set_all(Fault::Hang);

    let begin = Instant::now();
    let n = name(1, 0, 0);
    assert_eq!(store.put(&name(5, 0, 0), bytes("x")).await, Err(StoreError::TimedOut));
    assert_eq!(store.read(&n, 0..6).await, Err(StoreError::TimedOut));
    assert_eq!(store.len(&n).await, Err(StoreError::TimedOut));
    assert_eq!(store.delete(&n).await, Err(StoreError::TimedOut));
    assert_eq!(store.trash(&n).await, Err(StoreError::TimedOut));
    assert_eq!(store.probe().await, Err(StoreError::TimedOut));
    assert_eq!(store.list().collect::<Vec<_>>().await, [Err(StoreError::TimedOut)]);
    assert!(matches!(store.create(&n).await, Err(StoreError::TimedOut)));
    assert_eq!(writer.write(Bytes::from_static(b"x")).await, Err(StoreError::TimedOut));
    assert_eq!(sealing.seal().await, Err(StoreError::TimedOut));
    aborting.abort().await;
    assert_eq!(begin.elapsed().as_secs(), 11 * 3);

    faults.clear();
    assert_eq!(store.read(&n, 0..6).await.unwrap(), b"sliver"[..]);
}

#[tokio::test(start_paused = true)]
async fn many_bytes_get_more_time() {
    let (store, faults) = faulty().await;
    let deadlines = Deadlines { small: Duration::from_secs(1), bytes_per_second_min: 1 << 20, ..Deadlines::default() };
    let store = Deadline::new(store, deadlines);
    faults.set(&[Operation::Put], Fault::Slow(Duration::from_secs(5)), When::Always);
    assert_eq!(store.put(&name(1, 0, 0), vec![Bytes::from(vec![0; 1 << 20])]).await, Err(StoreError::TimedOut));
    assert_eq!(store.put(&name(2, 0, 0), vec![Bytes::from(vec![0; 6 << 20])]).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_down_is_left_alone_and_found_again() {
    let (store, faults) = faulty().await;
    let store = Breaker::new(store, "b", CircuitPolicy::default());
    store.put(&name(1, 0, 0), bytes("sliver")).await.unwrap();
    let read = async || store.read(&name(1, 0, 0), 0..6).await;
    faults.set_all(Fault::Down);
    for _ in 0..20 {
        assert_eq!(read().await.unwrap_err().kind(), "unavailable");
    }
    assert_eq!(faults.injected(), 5, "the other fifteen did not reach it");

    faults.clear();
    assert!(read().await.is_err(), "still paused");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(read().await.is_ok(), "the trial");
    assert!(read().await.is_ok(), "and everybody else");
}

#[tokio::test(start_paused = true)]
async fn a_probe_goes_through_an_open_circuit_and_closes_it() {
    let (store, faults) = faulty().await;
    let store = Breaker::new(store, "b", CircuitPolicy::default());
    faults.set_all(Fault::Down);
    for _ in 0..5 {
        assert!(store.put(&name(1, 0, 0), bytes("x")).await.is_err());
    }
    faults.clear();
    assert!(store.put(&name(1, 0, 0), bytes("x")).await.is_err());
    store.probe().await.unwrap();
    assert_eq!(store.put(&name(1, 0, 0), bytes("x")).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_a_sliver_lacks_does_not_open_the_circuit() {
    let store = Breaker::new(memory().await, "b", CircuitPolicy::default());
    for _ in 0..20 {
        assert_eq!(store.len(&name(1, 0, 0)).await, Err(StoreError::NotFound));
    }
    assert_eq!(store.put(&name(1, 0, 0), bytes("x")).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn uploads_that_begin_well_and_never_end_open_the_circuit() {
    let (store, faults) = faulty().await;
    let store = Breaker::new(store, "b", CircuitPolicy::default());
    faults.set(&[Operation::Seal], Fault::Down, When::Always);
    for _ in 0..5 {
        let mut writer = store.create(&name(1, 0, 0)).await.unwrap();
        writer.write(Bytes::from_static(b"x")).await.unwrap();
        assert!(writer.seal().await.is_err());
    }
    assert!(store.create(&name(1, 0, 0)).await.is_err(), "the good beginnings did not count");
}

#[tokio::test]
async fn each_fault_does_what_it_says() {
    let (store, faults) = faulty().await;
    let (old, new, other) = (name(1, 0, 0), name(1, 0, 1), name(2, 5, 0));
    store.put(&old, bytes("old sliver")).await.unwrap();
    store.put(&new, bytes("new sliver")).await.unwrap();
    let with = async |fault| {
        faults.clear();
        faults.set(&[Operation::Read], fault, When::Always);
        store.read(&new, 0..10).await.map(|read| String::from_utf8_lossy(&read).into_owned())
    };
    assert_eq!(with(Fault::Down).await.unwrap_err().kind(), "unavailable");
    assert_eq!(with(Fault::Reset).await.unwrap_err().kind(), "unavailable");
    assert_eq!(with(Fault::Io).await.unwrap_err().kind(), "damaged");
    assert_eq!(with(Fault::Full).await, Err(StoreError::Full));
    assert_eq!(with(Fault::Short).await.unwrap(), "new s");
    assert_eq!(with(Fault::Stale).await.unwrap(), "old sliver");
    let flipped = with(Fault::Flipped).await.unwrap();
    assert_ne!(flipped, "new sliver");
    store.put(&other, bytes("elsewhere!")).await.unwrap();
    store.delete(&old).await.unwrap();
    let swapped = [with(Fault::Swapped).await, with(Fault::Swapped).await, with(Fault::Swapped).await];
    assert!(swapped.iter().any(|read| read.as_deref() == Ok("elsewhere!")), "{swapped:?}");
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_write_leaves_nothing_visible() {
    let (store, faults) = faulty().await;
    faults.set(&[Operation::Put, Operation::Write], Fault::Reset, When::Always);
    assert!(store.put(&name(1, 0, 0), bytes("sliver")).await.is_err());
    let mut writer = store.create(&name(2, 0, 0)).await.unwrap();
    assert!(writer.write(Bytes::from_static(b"sliver")).await.is_err());
    writer.abort().await;
    assert_eq!(store.list().count().await, 0);
    faults.clear();
    faults.set(&[Operation::Seal], Fault::Reset, When::Always);
    let writer = store.create(&name(3, 0, 0)).await.unwrap();
    assert!(writer.seal().await.is_err(), "the answer is lost");
    assert_eq!(store.len(&name(3, 0, 0)).await, Ok(0), "the sliver is not");
}
