//! A node that signs what it was not given: nothing of that counts as stored.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::fixture;
use crate::node::NODE_KEY;
use crate::node::client::NodeStore;
use crate::node::identity::certificate;
use crate::node::protocol::{BatchReply, SealReply, SessionReply, Signature, SignedReceipt, SigningKey};
use crate::{BackendSpec, Challenge, SliverStore as _, StoreError};

/// Answers everything with receipts for nothing.
async fn lie(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (path, method) = (request.uri().path().to_owned(), request.method().clone());
    drop(request.into_body().collect().await);
    let receipt = SignedReceipt { signature: Signature([1; 64]) };
    let body = match (method.as_str(), path.as_str()) {
        ("POST", "/v1/sessions") => serde_json::to_vec(&SessionReply { session: "0".repeat(32) }),
        ("POST", path) if path.ends_with("/proof") => Ok(vec![1; 2000]),
        ("POST", _) => serde_json::to_vec(&BatchReply { slivers: vec![Ok(receipt)] }),
        ("GET", path) if path.ends_with("/length") => Ok(vec![b' '; 2 << 20]),
        ("GET", _) => Ok(b"five!".to_vec()),
        _ => serde_json::to_vec(&SealReply { receipt }),
    };
    Ok(Response::new(Full::new(body.unwrap().into())))
}

async fn liar() -> NodeStore {
    let key = SigningKey::from_seed(&[5; 32]);
    let made = certificate(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        rustls::ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
    let config = config.unwrap().with_no_client_auth().with_single_cert(vec![made.certificate], made.key).unwrap();
    let (listener, tls) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), TlsAcceptor::from(Arc::new(config)));
    let url = format!("node://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let stream = TokioIo::new(tls.accept(stream).await.unwrap());
                drop(hyper::server::conn::http1::Builder::new().serve_connection(stream, service_fn(lie)).await);
            });
        }
    });
    let options = [(NODE_KEY.to_owned(), key.public().to_string())].into();
    let spec = BackendSpec { name: "east".to_owned(), url, provider: None, zone: None, options };
    NodeStore::new(&spec, &fixture::identity(1)).unwrap()
}

#[tokio::test]
async fn a_receipt_that_is_not_for_the_sliver_is_a_failed_write_and_no_more_is_read_than_was_asked_for() {
    let (store, sliver) = (liar().await, fixture::sliver(1, 1, 1000));
    let says = |result: Result<(), StoreError>, text: &str| match result {
        Err(StoreError::Unavailable { reason }) => assert!(reason.contains(text), "{reason}"),
        other => panic!("{text}: {other:?}"),
    };
    says(store.put(&sliver.name, vec![sliver.bytes.clone()]).await, "receipt is not for this sliver");
    let mut writer = store.create(&sliver.name).await.unwrap();
    writer.write(sliver.bytes.clone()).await.unwrap();
    says(writer.seal().await, "receipt is not for this sliver");
    says(store.read(&sliver.name, 0..4).await.map(drop), "another length");
    assert_eq!(store.read(&sliver.name, 0..5).await.unwrap(), b"five!"[..]);
    says(store.len(&sliver.name).await.map(drop), "too long");
    let position = codec::SamplePosition { stripe: 0, sample: 0 };
    let proven = store.prove(&sliver.name, &Challenge { position, epoch: 0, nonce: [0; 32] }).await;
    assert!(matches!(&proven, Err(StoreError::Damaged { reason }) if reason.contains("not signed")), "{proven:?}");
    says(store.begin_epoch(1, [0; 32]).await.map(drop), "the node's reply");
}
