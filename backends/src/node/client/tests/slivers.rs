//! Slivers that are not what they should be: a clear error, and nothing left behind.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use codec::Root;
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};

use super::fixture::{self, Sliver, TestNode};
use crate::node::client::exchange::Exchange;
use crate::node::client::reply;
use crate::node::client::request_body::RequestBody;
use crate::node::client::spec::NodeSpec;
use crate::node::protocol::{Authorization, BatchReply, BodyDigest, Call, FailureCode, Trailer, write_head};
use crate::node::server::NodeSettings;
use crate::{SliverStore, StoreError};

/// Streams bytes under a name.
async fn stream(store: &dyn SliverStore, sliver: &Sliver, bytes: Bytes) -> Result<(), StoreError> {
    let mut writer = store.create(&sliver.name).await?;
    for start in (0..bytes.len()).step_by(100_000) {
        writer.write(bytes.slice(start..bytes.len().min(start + 100_000))).await?;
    }
    writer.seal().await
}

fn assert_refused(result: Result<(), StoreError>, says: &str) {
    match result {
        Err(StoreError::Damaged { reason }) => assert!(reason.contains(says), "{reason} lacks {says}"),
        other => panic!("{says}: {other:?}"),
    }
}

#[tokio::test]
async fn nothing_but_the_sliver_that_was_announced_is_kept() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    let good = fixture::sliver(1, 1, 3_000_000);
    let changed = |at: usize| {
        let mut bytes = good.bytes.to_vec();
        bytes[at] ^= 1;
        Bytes::from(bytes)
    };
    let end = good.bytes.len();
    let with = |name| Sliver { name, root: good.root, bytes: good.bytes.clone() };
    let cases = [
        (with(good.name), changed(0), "not a sliver"),
        (with(good.name), changed(100), "header"),
        (with(good.name), changed(1000), "1 damaged blocks, the first in stripe 0"),
        (with(good.name), changed(2_900_000), "1 damaged blocks, the first in stripe 2"),
        (with(good.name), changed(end - 130), "footer"),
        (with(good.name), good.bytes.slice(1..), "not a sliver"),
        (with(good.name), [&good.bytes[..300], &good.bytes[301..]].concat().into(), "bytes where"),
        (with(fixture::sliver(1, 2, 1).name), good.bytes.clone(), "its blob differs"),
        (with(crate::SliverName { index: 2, ..good.name }), good.bytes.clone(), "its index differs"),
        (fixture::sliver(2, 1, 10), fixture::sliver(2, 1, 10).bytes, "its cluster differs"),
    ];
    for (sliver, bytes, says) in cases {
        assert_refused(stream(&*store, &sliver, bytes.clone()).await, says);
        assert_refused(store.put(&sliver.name, vec![bytes]).await, says);
        node.assert_left_nothing(1).await;
    }
    assert_refused(stream(&*store, &good, good.bytes.slice(..end - 1)).await, "not a sliver");
    let mut later = good.bytes.to_vec();
    later[9] = 2;
    assert_refused(stream(&*store, &good, later.into()).await, "sliver format 2");
    node.assert_left_nothing(1).await;
    stream(&*store, &good, good.bytes.clone()).await.unwrap();
    assert_eq!(node.usage(1).live_bytes, end as u64);
}

#[tokio::test]
async fn a_writer_that_goes_away_leaves_nothing() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    let sliver = fixture::sliver(1, 1, 3_000_000);
    for dropped in [true, false] {
        let mut writer = store.create(&sliver.name).await.unwrap();
        writer.write(sliver.bytes.clone()).await.unwrap();
        if dropped {
            drop(writer)
        } else {
            writer.abort().await
        }
        node.assert_left_nothing(1).await;
    }
}

#[tokio::test]
async fn a_root_that_is_claimed_must_be_the_slivers_own() {
    let node = TestNode::start().await;
    drop(node.formatted(1).await);
    let exchange = Exchange::new(NodeSpec::read(&node.spec()).unwrap(), &fixture::identity(1)).unwrap();
    let sliver = fixture::sliver(1, 1, 1000);
    let mut head = BytesMut::new();
    write_head(&mut head, &sliver.name, &Root([9; 32]), sliver.bytes.len() as u64);
    let pieces = vec![head.freeze(), sliver.bytes.clone()];
    let (answer, _) = exchange.send(&Call::StoreBatch { epoch: 0 }, pieces).await.unwrap();
    let answer: BatchReply = reply::json(answer).await.unwrap();
    let failure = answer.slivers[0].clone().unwrap_err();
    assert!(failure.message.contains("not the sliver whose root"), "{failure}");
    node.assert_left_nothing(1).await;
    let cut = exchange.send(&Call::StoreBatch { epoch: 0 }, vec![sliver.bytes.slice(..90)]).await;
    assert!(matches!(cut, Err(StoreError::Misconfigured { reason }) if reason.contains("in the middle of sliver 0")));
}

#[tokio::test]
async fn a_stream_ends_in_the_trailer_of_its_own_request() {
    let node = TestNode::start().await;
    drop(node.formatted(1).await);
    let exchange = Exchange::new(NodeSpec::read(&node.spec()).unwrap(), &fixture::identity(1)).unwrap();
    let sliver = fixture::sliver(1, 1, 5000);
    let (call, len) = (Call::Store { name: sliver.name, epoch: 0 }, sliver.bytes.len() as u64);
    for (number, code) in [
        (0, FailureCode::BadSignature),
        (1, FailureCode::BadSignature),
        (2, FailureCode::NotTheSliver),
        (3, FailureCode::BadSignature),
        (4, FailureCode::Malformed),
    ] {
        let signed = exchange.sign(&call, BodyDigest::Streamed).await.unwrap();
        let next = Authorization { counter: signed.authorization.counter + 1, ..signed.authorization };
        let sign = |of: &Authorization, len| {
            let of = (of, node.key(), &sliver.name);
            Bytes::copy_from_slice(&Trailer::sign(signed.session.key(), of, sliver.root, len).to_bytes())
        };
        let right = sign(&signed.authorization, len);
        let pieces = match number {
            0 => vec![sliver.bytes.clone()],
            1 => vec![sliver.bytes.clone(), sign(&next, len)],
            2 => vec![sliver.bytes.clone(), sign(&signed.authorization, len + 1)],
            3 => vec![sliver.bytes.clone(), right, Bytes::from_static(b"x")],
            _ => vec![right.slice(1..)],
        };
        let (sender, receiver) = mpsc::channel(4);
        for piece in pieces {
            sender.send(piece).await.unwrap();
        }
        drop(sender);
        let asked = Arc::new(Notify::new());
        let answer = exchange.stream(&call, &signed, RequestBody::streamed(receiver), &asked).await.unwrap();
        let failure = reply::or_failure(answer).await.unwrap().unwrap_err();
        assert_eq!(failure.code, code, "{number}: {failure}");
        node.assert_left_nothing(1).await;
    }
}

#[tokio::test]
async fn more_than_a_cluster_may_store_is_refused_before_it_is_stored() {
    let settings = NodeSettings { sliver_bytes_max: 2_000_000, ..fixture::settings() };
    let node = TestNode::start_with(TempDir::new().unwrap(), settings).await;
    node.allow(1, 1_000_000);
    let store = node.open(1).await;
    let (half, more) = (fixture::sliver(1, 1, 600_000), fixture::sliver(1, 2, 600_000));
    store.put(&half.name, vec![half.bytes.clone()]).await.unwrap();
    assert_eq!(store.put(&more.name, vec![more.bytes.clone()]).await, Err(StoreError::Full));
    assert_eq!(stream(&*store, &more, more.bytes.clone()).await, Err(StoreError::Full));
    let space = store.probe().await.unwrap();
    assert_eq!(space.free_bytes, Some(1_000_000 - half.bytes.len() as u64), "what was refused is free again");
    store.trash(&half.name).await.unwrap();
    assert_eq!(store.put(&more.name, vec![more.bytes.clone()]).await, Err(StoreError::Full), "trash counts");
    node.allow(1, u64::MAX);
    fixture::until(|| async { store.put(&more.name, vec![more.bytes.clone()]).await.ok() }).await;
    let large = fixture::sliver(1, 3, 3_000_000);
    assert_refused(stream(&*store, &large, large.bytes.clone()).await, "more than 2000000 bytes");
    assert_refused(store.put(&large.name, vec![large.bytes.clone()]).await, "more than 2000000 bytes");
    let usage = node.usage(1);
    assert_eq!((usage.live_bytes, usage.trash_bytes), (more.bytes.len() as u64, half.bytes.len() as u64));
}
