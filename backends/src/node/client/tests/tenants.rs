//! Clusters that share a node and do not know each other.

use std::path::Path;

use futures::TryStreamExt as _;

use super::fixture::{self, TestNode};
use crate::{Expect, SliverEntry, SliverStore, StoreError};

async fn listed(store: &dyn SliverStore) -> Vec<SliverEntry> {
    store.list().try_collect().await.unwrap()
}

#[tokio::test]
async fn clusters_do_not_see_list_or_fill_each_other() {
    let node = TestNode::start().await;
    node.allow(1, 100_000);
    let (one, two) = (node.open(1).await, node.formatted(2).await);
    let (of_one, of_two) = (fixture::sliver(1, 5, 60_000), fixture::sliver(2, 5, 1000));
    assert_eq!(of_one.name, of_two.name, "even under one name");
    one.put(&of_one.name, vec![of_one.bytes.clone()]).await.unwrap();
    assert_eq!(two.len(&of_one.name).await, Err(StoreError::NotFound));
    assert_eq!(listed(&*two).await, []);
    two.put(&of_two.name, vec![of_two.bytes.clone()]).await.unwrap();
    two.beat("two".into()).await.unwrap();
    two.delete(&of_two.name).await.unwrap();
    assert_eq!(listed(&*one).await.len(), 1);
    assert_eq!(one.pulse().await.unwrap().heartbeat, None);
    let more = fixture::sliver(1, 6, 60_000);
    assert_eq!(one.put(&more.name, vec![more.bytes.clone()]).await, Err(StoreError::Full), "its own quota");
    let also = fixture::sliver(2, 6, 600_000);
    two.put(&also.name, vec![also.bytes.clone()]).await.unwrap();
}

#[tokio::test]
async fn a_node_is_one_backend_of_a_cluster() {
    let node = TestNode::start().await;
    drop(node.formatted(1).await);
    let mut spec = node.spec();
    spec.name = "west".to_owned();
    let open = crate::open_bare(&spec, fixture::identity(1), Path::new("/"), Expect::New).await;
    match open {
        Err(StoreError::WrongBackend { reason }) => assert!(reason.contains("\"east\""), "{reason}"),
        other => panic!("{other:?}"),
    }
    node.formatted(1).await.probe().await.unwrap();
}

#[tokio::test]
async fn no_other_name_takes_the_place_of_a_backend_whose_disk_is_away() {
    let mut node = TestNode::start().await;
    let store = node.formatted(1).await;
    store.probe().await.unwrap();
    let away = node.slivers(1).with_file_name("away");
    std::fs::rename(node.slivers(1), &away).unwrap();
    let mut spec = node.spec();
    spec.name = "west".to_owned();
    let open = crate::open_bare(&spec, fixture::identity(1), Path::new("/"), Expect::New).await;
    assert!(matches!(&open, Err(StoreError::WrongBackend { reason }) if reason.contains("\"east\"")), "{open:?}");
    assert!(!node.slivers(1).exists(), "nothing is formatted in its place");
    // A restart does not change that: the node remembers what the store is called.
    node.restart().await;
    let open = crate::open_bare(&spec, fixture::identity(1), Path::new("/"), Expect::New).await;
    assert!(matches!(&open, Err(StoreError::WrongBackend { reason }) if reason.contains("\"east\"")), "{open:?}");
    assert!(!node.slivers(1).exists(), "nothing is formatted in its place");
    std::fs::rename(&away, node.slivers(1)).unwrap();
    fixture::until(|| async { store.probe().await.ok() }).await;
}

#[tokio::test]
async fn a_gateway_whose_place_was_taken_asks_for_it_again() {
    let node = TestNode::start().await;
    node.allow(1, u64::MAX);
    let mut mistyped = node.spec();
    mistyped.name = "west".to_owned();
    let open = async |spec| crate::open_bare(&spec, fixture::identity(1), Path::new("/"), Expect::Formatted).await;
    fixture::until(|| async {
        let store = open(node.spec()).await.unwrap();
        (!matches!(store.pulse().await, Err(StoreError::Denied { .. }))).then_some(())
    })
    .await;
    let east = open(node.spec()).await.unwrap();
    // Nothing is formatted yet, so a mistyped name takes the place.
    drop(open(mistyped).await.unwrap());
    match east.pulse().await {
        Err(StoreError::WrongBackend { reason }) => assert!(!reason.contains("another name"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn long_lists_come_in_pages_in_order() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    store.probe().await.unwrap();
    // Small files with the names of slivers, so that there are many; some share a folder with a thousand others.
    let mut expected = Vec::new();
    for number in 0..2500_u32 {
        let mut blob = [0; 16];
        blob[..4].copy_from_slice(&number.to_be_bytes());
        blob[15] = if number < 2200 { 7 } else { number as u8 };
        let name = crate::SliverName { blob: codec::BlobId(blob), index: 0, attempt: 0 };
        std::fs::write(node.slivers(1).join(name.path()), b"x").unwrap();
        expected.push((name.folder(), name));
    }
    expected.sort();
    let names: Vec<_> = listed(&*store).await.iter().map(|entry| (entry.name.folder(), entry.name)).collect();
    assert_eq!(names, expected);
}
