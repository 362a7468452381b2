//! Gateways and nodes over real sockets and TLS.

mod audits;
mod fixture;
mod lying;
mod requests;
mod sharing;
mod slivers;
mod storage;
mod tenants;

use std::sync::Arc;

use fixture::TestNode;

use crate::{Deadlines, StoreError, conformance, guard};

#[tokio::test]
async fn a_node_keeps_the_promises_of_a_store() {
    let node = TestNode::start().await;
    conformance::run_with_slivers(node.formatted(1).await, fixture::cluster(1)).await;
    let decorated = guard(node.formatted(2).await, "east", Deadlines::default());
    conformance::run_with_slivers(decorated, fixture::cluster(2)).await;
}

#[tokio::test]
async fn a_gateway_goes_on_after_a_node_was_restarted() {
    let mut node = TestNode::start().await;
    let store = node.formatted(1).await;
    let sliver = fixture::sliver(1, 1, 5000);
    store.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    for round in 2..5 {
        node.restart().await;
        // Each kind of request finds that its session is not known any more.
        let other = fixture::sliver(1, round, 300_000);
        match round {
            2 => assert_eq!(store.len(&sliver.name).await, Ok(sliver.bytes.len() as u64)),
            3 => store.put(&other.name, vec![other.bytes.clone()]).await.unwrap(),
            _ => {
                let mut writer = store.create(&other.name).await.unwrap();
                writer.write(other.bytes.clone()).await.unwrap();
                writer.seal().await.unwrap();
            }
        }
    }
    node.stop().await;
    assert!(matches!(store.len(&sliver.name).await, Err(StoreError::Unavailable { .. })), "a node that is away");
}

#[tokio::test]
async fn puts_at_the_same_time_share_requests_and_each_has_its_own_answer() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    let taken = fixture::sliver(1, 100, 50);
    store.put(&taken.name, vec![taken.bytes.clone()]).await.unwrap();
    let foreign = fixture::sliver(9, 101, 50);
    let puts = (0..100_u8).map(|number| fixture::sliver(1, number, 1000 * usize::from(number))).chain([taken, foreign]);
    let store = &store;
    let done = puts.map(|sliver| async move { store.put(&sliver.name, vec![sliver.bytes]).await });
    let done = futures::future::join_all(done).await;
    assert!(done[..100].iter().all(Result::is_ok), "{done:?}");
    assert_eq!(done[100], Err(StoreError::AlreadyExists));
    assert!(matches!(&done[101], Err(StoreError::Damaged { reason }) if reason.contains("cluster differs")));
}

#[tokio::test]
async fn an_operator_accepts_a_replacement_and_the_old_generation_is_refused() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    assert_eq!(store.pulse().await.unwrap().generation, 1);
    store.require_generation(2);
    let refused = store.len(&fixture::sliver(1, 1, 1).name).await;
    assert!(matches!(refused, Err(StoreError::WrongBackend { .. })), "{refused:?}");
    assert_eq!(store.pulse().await.unwrap().generation, 1, "what it says of itself can always be asked");
    crate::accept(&node.spec(), fixture::identity(1), std::path::Path::new("/"), 2).await.unwrap();
    assert_eq!(store.pulse().await.unwrap().generation, 2);
    assert_eq!(store.len(&fixture::sliver(1, 1, 1).name).await, Err(StoreError::NotFound));
}

#[tokio::test]
async fn another_node_at_the_address_is_recognised_by_its_key() {
    let (one, other) = (TestNode::start().await, TestNode::start().await);
    one.allow(1, u64::MAX);
    let mut spec = one.spec();
    spec.options.insert(super::NODE_KEY.to_owned(), other.key().to_string());
    let open = crate::open_bare(&spec, fixture::identity(1), std::path::Path::new("/"), crate::Expect::New).await;
    match open {
        Err(StoreError::WrongBackend { reason }) => assert!(reason.contains("another key than node_key"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_store_serves_many_tasks() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    let sliver = Arc::new(fixture::sliver(1, 1, 3 << 20));
    store.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    let read = |at: u64| {
        let (store, sliver) = (Arc::clone(&store), Arc::clone(&sliver));
        tokio::spawn(async move {
            // From a few bytes to more than one step of the node.
            let range = at..at + 2000 * (at % 900) + 1;
            let read = store.read(&sliver.name, range.clone()).await.unwrap();
            assert_eq!(read, sliver.bytes[range.start as usize..range.end as usize]);
        })
    };
    for read in (0..60).map(read).collect::<Vec<_>>() {
        read.await.unwrap();
    }
    let all = store.read(&sliver.name, 0..sliver.bytes.len() as u64).await.unwrap();
    assert!(all == sliver.bytes);
}
