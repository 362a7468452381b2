//! What one cluster takes of the node is not what another one needs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request};
use tempfile::TempDir;

use super::fixture::{self, TestNode, until};
use crate::SliverStore;
use crate::node::client::exchange::Exchange;
use crate::node::client::pinned::client;
use crate::node::client::request_body::RequestBody;
use crate::node::client::spec::NodeSpec;
use crate::node::protocol::{BodyDigest, Call};
use crate::node::server::NodeSettings;

async fn node(requests_max: usize) -> TestNode {
    TestNode::start_with(TempDir::new().unwrap(), NodeSettings { requests_max, ..fixture::settings() }).await
}

#[tokio::test]
async fn slivers_that_one_cluster_does_not_finish_leave_half_of_the_node_to_others() {
    let node = node(4).await;
    let (one, two) = (node.formatted(1).await, node.formatted(2).await);
    let begin = async |store: &Arc<dyn SliverStore>, number| store.create(&fixture::sliver(1, number, 100).name).await;
    let (first, second) = (begin(&one, 1).await.unwrap(), begin(&one, 2).await.unwrap());
    let refused = begin(&one, 3).await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("too many requests of this cluster"), "{refused}");
    let sliver = fixture::sliver(2, 1, 1000);
    two.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    assert_eq!(two.read(&sliver.name, 0..10).await.unwrap(), sliver.bytes[..10]);
    drop((first, second));
    until(|| async { begin(&one, 4).await.ok() }).await.abort().await;
}

#[tokio::test]
async fn replies_that_nobody_reads_count_until_they_were_sent() {
    let node = node(4).await;
    let (one, two) = (node.formatted(1).await, node.formatted(2).await);
    let sliver = fixture::sliver(1, 1, 24 << 20);
    one.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    let exchange = Exchange::new(NodeSpec::read(&node.spec()).unwrap(), &fixture::identity(1)).unwrap();
    let (client, uri) = (client(node.key()).unwrap(), node.spec().url.replace("node://", "https://"));
    let call = Call::Read { name: sliver.name, range: 0..sliver.bytes.len() as u64 };
    let ask = async || {
        let signed = exchange.sign(&call, BodyDigest::of(b"")).await.unwrap();
        let request = Request::builder().method(Method::GET).uri(format!("{uri}{}", call.target()));
        let request = request.header(AUTHORIZATION, signed.authorization.to_string());
        client.request(request.body(RequestBody::whole(Vec::new(), None)).unwrap()).await.unwrap()
    };
    let unread = [ask().await, ask().await];
    assert!(unread.iter().all(|reply| reply.status().is_success()));
    assert!(!ask().await.status().is_success(), "the cluster's share is used up");
    two.probe().await.unwrap();
    drop(unread);
    until(|| async { ask().await.status().is_success().then_some(()) }).await;
}

#[tokio::test]
async fn a_sliver_in_tiny_pieces_is_stored_as_it_was_sent() {
    let node = node(4).await;
    let store = node.formatted(1).await;
    let sliver = fixture::sliver(1, 1, 60_000);
    let mut writer = store.create(&sliver.name).await.unwrap();
    for piece in sliver.bytes.chunks(7) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    writer.seal().await.unwrap();
    assert_eq!(store.read(&sliver.name, 0..sliver.bytes.len() as u64).await.unwrap(), sliver.bytes);
}

#[tokio::test]
async fn a_body_that_stops_in_the_middle_ends_and_leaves_nothing() {
    let settings = NodeSettings { idle: Duration::from_millis(300), ..fixture::settings() };
    let node = TestNode::start_with(TempDir::new().unwrap(), settings).await;
    let store = node.formatted(1).await;
    let sliver = fixture::sliver(1, 1, 60_000);
    let mut writer = store.create(&sliver.name).await.unwrap();
    writer.write(sliver.bytes.slice(..30_000)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(writer.seal().await.is_err());
    node.assert_left_nothing(1).await;
}

#[tokio::test]
async fn a_node_states_what_a_cluster_may_still_move_today() {
    let settings = NodeSettings { day_bytes_max: Some(10_000), ..fixture::settings() };
    let node = TestNode::start_with(TempDir::new().unwrap(), settings).await;
    let store = node.formatted(1).await;
    let left = async || store.probe().await.unwrap().day_bytes_left.unwrap();
    assert_eq!(left().await, 10_000);
    let sliver = fixture::sliver(1, 1, 1000);
    store.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    assert!(left().await <= 10_000 - sliver.bytes.len() as u64);
    while store.read(&sliver.name, 0..500).await.is_ok() {}
    assert!(left().await < 500, "what is left does not suffice");
    let unbounded = TestNode::start().await;
    assert_eq!(unbounded.formatted(1).await.probe().await.unwrap().day_bytes_left, None);
}
