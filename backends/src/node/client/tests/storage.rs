//! The node's disk: what is deleted stays for a while, and what goes wrong with it.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::fixture::{self, TestNode};
use crate::node::server::NodeSettings;
use crate::{SliverStore, StoreError};

#[tokio::test]
async fn no_request_empties_the_trash_early_and_no_name_is_used_twice() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    let (one, two) = (fixture::sliver(1, 1, 1000), fixture::sliver(1, 2, 2000));
    for sliver in [&one, &two] {
        store.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    }
    store.delete(&one.name).await.unwrap();
    store.trash(&two.name).await.unwrap();
    // What is not there is not recorded, however often it is deleted.
    store.delete(&one.name).await.unwrap();
    store.delete(&fixture::sliver(1, 9, 1).name).await.unwrap();
    assert_eq!(store.sweep(0).await, Ok(0), "seven days have not passed");
    let usage = node.usage(1);
    assert_eq!((usage.live_bytes, usage.trash_bytes), (0, (one.bytes.len() + two.bytes.len()) as u64));
    let again = fixture::sliver(1, 1, 10);
    assert_eq!(store.put(&one.name, vec![again.bytes.clone()]).await, Err(StoreError::AlreadyExists));
    assert!(matches!(store.create(&one.name).await.map(drop), Err(StoreError::AlreadyExists)));
    let log = fs::read_to_string(node.slivers(1).with_file_name("deletions.jsonl")).unwrap();
    let recorded: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(recorded.len(), 2);
    for (line, sliver) in recorded.iter().zip([&one, &two]) {
        let text = line["text"].as_str().unwrap();
        assert!(text.contains("DELETE") && text.contains(&sliver.name.to_string()), "{text}");
        let signature = line["signature"].as_str().unwrap().parse().unwrap();
        assert!(fixture::identity(1).names()[0].key.verifies(text, &signature), "anybody can check who asked");
    }
}

#[tokio::test]
async fn trash_that_is_old_enough_is_emptied_and_its_bytes_are_free() {
    let settings = NodeSettings { trash_min_seconds: 0, ..fixture::settings() };
    let mut node = TestNode::start_with(TempDir::new().unwrap(), settings).await;
    node.allow(1, 10_000);
    let store = node.open(1).await;
    let (one, two) = (fixture::sliver(1, 1, 5000), fixture::sliver(1, 2, 5000));
    store.put(&one.name, vec![one.bytes.clone()]).await.unwrap();
    store.delete(&one.name).await.unwrap();
    node.restart().await;
    assert_eq!(store.put(&two.name, vec![two.bytes.clone()]).await, Err(StoreError::Full), "counted at the start");
    assert_eq!(store.sweep(3600).await, Ok(0), "it is asked for older trash");
    assert_eq!(store.sweep(0).await, Ok(1));
    store.put(&two.name, vec![two.bytes.clone()]).await.unwrap();
    let usage = node.usage(1);
    assert_eq!((usage.live_bytes, usage.trash_bytes), (two.bytes.len() as u64, 0));
}

#[tokio::test]
async fn a_node_that_lost_its_marker_takes_itself_out_and_comes_back_with_it() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    let sliver = fixture::sliver(1, 1, 1000);
    store.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    let away = node.slivers(1).with_file_name("away");
    fs::rename(node.slivers(1), &away).unwrap();
    fs::create_dir(node.slivers(1)).unwrap();
    assert_wrong(&*store, "an empty disk in its place").await;
    fs::remove_dir_all(node.slivers(1)).unwrap();
    assert_wrong(&*store, "no disk").await;
    fs::rename(&away, node.slivers(1)).unwrap();
    assert_eq!(store.len(&sliver.name).await, Ok(sliver.bytes.len() as u64), "back");
    store.delete(&sliver.name).await.unwrap();
}

async fn assert_wrong(store: &dyn SliverStore, why: &str) {
    let sliver = fixture::sliver(1, 9, 1000);
    let answers = [
        store.len(&sliver.name).await.map(drop),
        store.read(&sliver.name, 0..1).await.map(drop),
        store.put(&sliver.name, vec![sliver.bytes.clone()]).await,
        store.create(&sliver.name).await.map(drop),
        store.delete(&sliver.name).await,
        store.probe().await.map(drop),
        store.pulse().await.map(drop),
        store.beat("x".into()).await,
        store.sweep(0).await.map(drop),
    ];
    for (number, answer) in answers.iter().enumerate() {
        assert!(matches!(answer, Err(StoreError::WrongBackend { .. })), "{why}: {number} gave {answer:?}");
    }
}

/// Needs root, for a small file system of its own.
#[tokio::test]
async fn a_full_disk_takes_nothing_more_and_still_reads_and_deletes() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "none"]).arg(folder.path()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return;
    }
    let path = folder.path().to_owned();
    let mut node = TestNode::start_with(folder, fixture::settings()).await;
    let store = node.formatted(1).await;
    let mut stored = Vec::new();
    let full = loop {
        let sliver = fixture::sliver(1, stored.len() as u8, 1 << 20);
        match store.put(&sliver.name, vec![sliver.bytes.clone()]).await {
            Ok(()) => stored.push(sliver),
            Err(error) => break error,
        }
    };
    assert_eq!(full, StoreError::Full);
    assert!(stored.len() >= 3, "{}", stored.len());
    assert!(matches!(store.create(&fixture::sliver(1, 200, 1).name).await.map(drop), Err(StoreError::Full)));
    for sliver in &stored {
        let read = store.read(&sliver.name, 0..sliver.bytes.len() as u64).await.unwrap();
        assert!(read == sliver.bytes);
        store.delete(&sliver.name).await.unwrap();
    }
    assert_eq!(store.sweep(0).await, Ok(0), "not even then is the trash emptied early");
    node.stop().await;
    drop(store);
    assert!(Command::new("umount").arg("-l").arg(path).status().unwrap().success());
}
