//! Requests that no honest gateway sends, and those of gateways that may not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::fixture::{self, TestNode};
use crate::node::client::exchange::{Exchange, Signed};
use crate::node::client::pinned::{HttpClient, client};
use crate::node::client::request_body::RequestBody;
use crate::node::client::{reply, spec::NodeSpec};
use crate::node::protocol::{Authorization, BodyDigest, Call, FailureCode, PublicKey, SignedRequest, SigningKey};
use crate::node::server::NodeSettings;
use crate::{Expect, StoreError};

/// Somebody who knows the protocol and one cluster's keys.
struct Attacker {
    exchange: Exchange,
    client: HttpClient,
    uri: String,
    node: PublicKey,
}

impl Attacker {
    async fn new(node: &TestNode) -> Self {
        drop(node.formatted(1).await);
        let exchange = Exchange::new(NodeSpec::read(&node.spec()).unwrap(), &fixture::identity(1)).unwrap();
        let uri = node.spec().url.replace("node://", "https://");
        Self { exchange, client: client(node.key()).unwrap(), uri, node: node.key() }
    }

    async fn sign(&self, call: &Call, body: &[u8]) -> Signed {
        self.exchange.sign(call, BodyDigest::of(body)).await.unwrap()
    }

    /// A signature of this session over whatever it now says.
    fn resign(
        &self,
        signed: &Signed,
        key: &SigningKey,
        call: &Call,
        change: impl FnOnce(&mut Authorization),
    ) -> String {
        let mut authorization = signed.authorization;
        change(&mut authorization);
        let text = SignedRequest { authorization: &authorization, node: self.node, call }.text();
        authorization.signature = key.sign(&text);
        authorization.to_string()
    }

    async fn send(&self, method: Method, target: &str, authorization: &str, body: Bytes) -> Result<(), FailureCode> {
        let request = Request::builder().method(method).uri(format!("{}{target}", self.uri));
        let request = request.header(AUTHORIZATION, authorization).body(RequestBody::whole(vec![body], None)).unwrap();
        let answer = self.client.request(request).await.unwrap();
        reply::or_failure(answer).await.unwrap().map(drop).map_err(|failure| failure.code)
    }

    async fn ask(&self, call: &Call, authorization: &str) -> Result<(), FailureCode> {
        self.send(call.method(), &call.target(), authorization, Bytes::new()).await
    }
}

#[tokio::test]
async fn a_request_is_carried_out_once_and_not_after_a_restart() {
    let mut node = TestNode::start().await;
    let attacker = Attacker::new(&node).await;
    let signed = attacker.sign(&Call::Space, b"").await;
    let recorded = signed.authorization.to_string();
    assert_eq!(attacker.ask(&Call::Space, &recorded).await, Ok(()));
    assert_eq!(attacker.ask(&Call::Space, &recorded).await, Err(FailureCode::Replayed));
    let fresh = attacker.sign(&Call::Space, b"").await.authorization.to_string();
    node.restart().await;
    assert_eq!(attacker.ask(&Call::Space, &recorded).await, Err(FailureCode::UnknownSession));
    assert_eq!(attacker.ask(&Call::Space, &fresh).await, Err(FailureCode::UnknownSession), "nor one that was not sent");
}

#[tokio::test]
async fn a_signature_is_for_one_request_of_one_session_to_one_node() {
    let node = TestNode::start().await;
    let attacker = Attacker::new(&node).await;
    let name = fixture::sliver(1, 1, 1).name;
    let signed = attacker.sign(&Call::Space, b"").await;
    let text = signed.authorization.to_string();
    for call in [Call::Pulse, Call::Delete { name }, Call::List { after: None, limit: 1 }] {
        assert_eq!(attacker.ask(&call, &text).await, Err(FailureCode::BadSignature), "{call:?}");
    }
    let wrong_key = SigningKey::from_seed(&[9; 32]);
    let own = signed.session.key();
    let cases = [
        (attacker.resign(&signed, &wrong_key, &Call::Space, |_| ()), FailureCode::BadSignature),
        (attacker.resign(&signed, own, &Call::Space, |request| request.time -= 301), FailureCode::Stale),
        (attacker.resign(&signed, own, &Call::Space, |request| request.time += 320), FailureCode::Stale),
        (attacker.resign(&signed, own, &Call::Space, |request| request.session = [0; 16]), FailureCode::UnknownSession),
        (
            attacker.resign(&signed, own, &Call::Space, |request| request.cluster = fixture::cluster(2)),
            FailureCode::UnknownSession,
        ),
        (text.replace("haulout-node/1", "haulout-node/2"), FailureCode::UnknownVersion),
        (String::new(), FailureCode::UnknownVersion),
        ("haulout-node/1 nothing".to_owned(), FailureCode::Malformed),
    ];
    for (authorization, code) in cases {
        assert_eq!(attacker.ask(&Call::Space, &authorization).await, Err(code), "{authorization}");
    }
    let elsewhere = Attacker { node: PublicKey([7; 32]), ..Attacker::new(&node).await };
    let signed = elsewhere.sign(&Call::Space, b"").await;
    let for_another = elsewhere.resign(&signed, signed.session.key(), &Call::Space, |_| ());
    assert_eq!(attacker.ask(&Call::Space, &for_another).await, Err(FailureCode::BadSignature));
    assert_eq!(attacker.ask(&Call::Space, &text).await, Ok(()), "none of these used its counter up");
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_its_reason() {
    let node = TestNode::start().await;
    let attacker = Attacker::new(&node).await;
    let cases = [
        (Method::GET, "/v2/space", FailureCode::UnknownVersion),
        (Method::GET, "/", FailureCode::UnknownVersion),
        (Method::GET, "/v1/nothing", FailureCode::Malformed),
        (Method::GET, "/v1/slivers?limit=9999", FailureCode::Malformed),
        (Method::POST, "/v1/sessions", FailureCode::Malformed),
    ];
    for (method, target, code) in cases {
        assert_eq!(attacker.send(method, target, "x", Bytes::new()).await, Err(code), "{target}");
    }
    let long = Bytes::from(vec![b' '; 100_000]);
    let refused = attacker.send(Method::POST, "/v1/sessions", "x", long).await;
    assert_eq!(refused, Err(FailureCode::Malformed), "a session's request is short");
}

#[tokio::test]
async fn a_body_is_the_one_that_was_signed() {
    let node = TestNode::start().await;
    let attacker = Attacker::new(&node).await;
    let signed = attacker.sign(&Call::Beat, b"heartbeat").await;
    let text = signed.authorization.to_string();
    let send = |body: &'static [u8], text: String| {
        let attacker = &attacker;
        async move { attacker.send(Method::PUT, "/v1/heartbeat", &text, Bytes::from_static(body)).await }
    };
    assert_eq!(send(b"heartbea", text.clone()).await, Err(FailureCode::Malformed), "shorter");
    assert_eq!(send(b"heartbeats", text.clone()).await, Err(FailureCode::Malformed), "longer");
    assert_eq!(send(b"heartbeaT", text).await, Err(FailureCode::BadSignature), "another");
    let signed = attacker.sign(&Call::Beat, &vec![b'x'; 65 << 10]).await;
    let body = Bytes::from(vec![b'x'; 65 << 10]);
    let refused = attacker.send(Method::PUT, "/v1/heartbeat", &signed.authorization.to_string(), body).await;
    assert_eq!(refused, Err(FailureCode::TooLarge));
    let whole = attacker.exchange.sign(&Call::Beat, BodyDigest::Whole { len: 1 << 40, hash: [0; 32] }).await.unwrap();
    let refused = attacker.ask(&Call::Beat, &whole.authorization.to_string()).await;
    assert_eq!(refused, Err(FailureCode::TooLarge), "nothing is waited for that will not be taken");
}

#[tokio::test]
async fn only_admitted_keys_are_served_and_a_revoked_one_is_refused_in_clear_words() {
    let node = TestNode::start().await;
    let spec = node.spec();
    match crate::open_bare(&spec, fixture::identity(3), Path::new("/"), Expect::New).await {
        Err(StoreError::Denied { reason }) => assert!(reason.contains("haulout node allow 0303"), "{reason}"),
        other => panic!("{other:?}"),
    }
    let store = node.formatted(3).await;
    store.probe().await.unwrap();
    node.revoke(3);
    let reason = fixture::until(|| async {
        match store.probe().await {
            Err(StoreError::Denied { reason }) => Some(reason),
            other => {
                other.unwrap();
                None
            }
        }
    })
    .await;
    assert!(reason.contains("has not admitted cluster 0303"), "{reason}");
    node.allow(3, u64::MAX);
    fixture::until(|| async { store.probe().await.ok() }).await;
}

#[tokio::test]
async fn those_who_prove_nothing_keep_nobody_out_and_are_closed() {
    let settings = NodeSettings { first_byte: Duration::from_secs(2), ..fixture::settings() };
    let node = TestNode::start_with(TempDir::new().unwrap(), settings).await;
    let (client, uri) = (client(node.key()).unwrap(), node.spec().url.replace("node://", "https://"));
    let (mut senders, mut stalled) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let (sender, receiver) = mpsc::channel(1);
        sender.send(Bytes::from_static(b"{")).await.unwrap();
        senders.push(sender);
        let request = Request::builder().method(Method::POST).uri(format!("{uri}/v1/sessions"));
        stalled.push(tokio::spawn(client.request(request.body(RequestBody::streamed(receiver)).unwrap())));
    }
    node.formatted(1).await.probe().await.unwrap();
    for stalled in stalled {
        // By a refusal or by the end of the connection, whichever arrives.
        let ended = stalled.await.unwrap();
        assert!(ended.is_err() || ended.is_ok_and(|reply| !reply.status().is_success()));
    }
}

#[tokio::test]
async fn a_gateway_in_the_middle_of_a_key_rotation_is_known_by_either_key() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    drop(store);
    let ring = codec::ClusterKey::new(2, [77; 32]).beside(vec![codec::ClusterKey::new(1, [1; 32])]);
    let identity = crate::GatewayIdentity::new(fixture::cluster(1), &ring);
    let store = crate::open_bare(&node.spec(), identity, Path::new("/"), Expect::New).await.unwrap();
    store.probe().await.unwrap();
    let (one, two) = (Arc::clone(&store), Arc::clone(&store));
    let (one, two) = tokio::join!(one.probe(), two.probe());
    assert!(one.is_ok() && two.is_ok());
}
