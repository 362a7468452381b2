//! The remote store over memory, which every cloud's client has in common.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use codec::{BlobId, ClusterId};

use super::*;
use crate::{Expect, conformance, open_bare};

const CLUSTER: ClusterId = ClusterId([1; 16]);

fn spec(url: &str) -> BackendSpec {
    BackendSpec { name: "cloud".into(), url: url.into(), provider: None, zone: None, options: BTreeMap::new() }
}

fn store(cluster: ClusterId, over: &Arc<dyn ObjectStore>, prefix: &str) -> RemoteStore {
    let target = Target { store: Arc::clone(over), prefix: Path::from(prefix), creates: true, multipart: true };
    let marker = Marker::new(cluster, "cloud");
    RemoteStore(Arc::new(Inner {
        target,
        marker,
        checked: Mutex::new(None),
        checking: tokio::sync::Mutex::new(()),
        generation: AtomicU64::new(FIRST_GENERATION),
    }))
}

fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(object_store::memory::InMemory::new())
}

fn name() -> SliverName {
    SliverName { blob: BlobId([9; 16]), index: 1, attempt: 0 }
}

#[tokio::test]
async fn it_keeps_the_promises_of_a_store() {
    conformance::run(open_bare(&spec("memory:"), CLUSTER, FilePath::new("."), Expect::New).await.unwrap()).await;
}

#[tokio::test]
async fn it_keeps_them_below_a_prefix_and_without_conditions_or_parts() {
    for (creates, multipart) in [(true, false), (false, true)] {
        let mut kind = store(CLUSTER, &memory(), "some/prefix");
        let inner = Arc::get_mut(&mut kind.0).unwrap();
        (inner.target.creates, inner.target.multipart) = (creates, multipart);
        kind.format().await.unwrap();
        if creates {
            conformance::run(Arc::new(kind)).await;
        } else {
            // Eight writers of one name need "create only" to see each other: the rest is promised all the same.
            kind.put(&name(), vec![Bytes::from_static(b"sliver")]).await.unwrap();
            let again = kind.put(&name(), vec![Bytes::from_static(b"other")]).await;
            assert_eq!(again, Err(StoreError::AlreadyExists));
            assert_eq!(kind.read(&name(), 0..6).await.unwrap(), b"sliver"[..]);
        }
    }
}

#[tokio::test]
async fn a_bucket_with_anything_else_in_it_is_refused() {
    let bucket = memory();
    bucket.put(&Path::from("holiday/photo.jpg"), "jpeg".into()).await.unwrap();
    assert_eq!(store(CLUSTER, &bucket, "holiday").format().await.unwrap_err().kind(), "wrong_backend");
    assert_eq!(store(CLUSTER, &bucket, "").format().await.unwrap_err().kind(), "wrong_backend");
    assert_eq!(store(CLUSTER, &bucket, "slivers").format().await, Ok(()), "another prefix is free");
    let other = store(ClusterId([2; 16]), &bucket, "slivers");
    assert_eq!(other.format().await.unwrap_err().kind(), "wrong_backend", "now it is taken");
}

#[tokio::test]
async fn without_its_marker_nothing_is_written_or_read() {
    let bucket = memory();
    let unformatted = store(CLUSTER, &bucket, "p");
    let bytes = || vec![Bytes::from_static(b"sliver")];
    assert_eq!(unformatted.put(&name(), bytes()).await.unwrap_err().kind(), "wrong_backend");
    assert_eq!(unformatted.create(&name()).await.err().map(|error| error.kind()), Some("wrong_backend"));
    assert_eq!(unformatted.read(&name(), 0..1).await.unwrap_err().kind(), "wrong_backend");
    assert_eq!(unformatted.delete(&name()).await.unwrap_err().kind(), "wrong_backend");
    assert_eq!(unformatted.probe().await.unwrap_err().kind(), "wrong_backend");
    assert!(bucket.list(None).next().await.is_none(), "nothing was written");

    unformatted.format().await.unwrap();
    unformatted.put(&name(), bytes()).await.unwrap();
    bucket.delete(&Path::from("p/haulout-backend.json")).await.unwrap();
    assert_eq!(unformatted.probe().await.unwrap_err().kind(), "wrong_backend");
    assert_eq!(unformatted.put(&name(), bytes()).await.unwrap_err().kind(), "wrong_backend", "after the probe saw it");
}

#[tokio::test]
async fn an_aborted_upload_leaves_no_parts() {
    let store = store(CLUSTER, &memory(), "");
    store.format().await.unwrap();
    let mut writer = store.create(&name()).await.unwrap();
    writer.write(vec![7; PART_BYTES * 2 + 1].into()).await.unwrap();
    writer.abort().await;
    assert_eq!(store.len(&name()).await, Err(StoreError::NotFound));
}
