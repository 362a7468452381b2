//! A sliver that is streamed to a node.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use hyper::body::Incoming;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::exchange::{Exchange, Signed};
use super::reply;
use super::request_body::RequestBody;
use super::tail::SliverTail;
use crate::node::protocol::{BodyDigest, Call, FailureCode, Receipt, SealReply, Trailer};
use crate::{SliverName, SliverWriter, StoreError};

/// Pieces on their way to the connection.
const PIECES: usize = 4;

/// The epoch that receipts name: gateways do not keep receipts, so it says nothing.
pub(super) const EPOCH: u64 = 0;

/// A request whose body is being written.
pub(super) struct NodeWriter {
    exchange: Arc<Exchange>,
    name: SliverName,
    signed: Signed,
    tail: SliverTail,
    /// None once the node has answered or an error has been reported.
    body: Option<mpsc::Sender<Bytes>>,
    reply: Option<JoinHandle<Result<Response<Incoming>, StoreError>>>,
}

/// Begins a sliver: waits until the node asks for its bytes, so that what it refuses is not sent, and a session that it does not
/// know any more is replaced while that is still possible.
///
/// # Errors
/// What the node refuses with.
pub(super) async fn begin(exchange: &Arc<Exchange>, name: &SliverName) -> Result<NodeWriter, StoreError> {
    let call = Call::Store { name: *name, epoch: EPOCH };
    let mut repeated = false;
    loop {
        let signed = exchange.sign(&call, BodyDigest::Streamed).await?;
        let (sender, receiver) = mpsc::channel(PIECES);
        let asked = Arc::new(Notify::new());
        let (session, authorization) = (Arc::clone(&signed.session), signed.authorization);
        let mut writer = NodeWriter {
            exchange: Arc::clone(exchange),
            name: *name,
            signed,
            tail: SliverTail::default(),
            body: Some(sender),
            reply: None,
        };
        let (exchange, call, notify) = (Arc::clone(exchange), call.clone(), Arc::clone(&asked));
        // Held by the writer from the beginning: should the caller go away, the request ends with it.
        writer.reply = Some(tokio::spawn(async move {
            let signed = Signed { session, authorization };
            exchange.stream(&call, &signed, RequestBody::streamed(receiver), &notify).await
        }));
        tokio::select! {
            () = asked.notified() => return Ok(writer),
            replied = writer.replied() => match reply::or_failure(replied?).await? {
                Err(failure) => {
                    writer.exchange.sessions.note(&writer.signed.session, failure.code);
                    if failure.code != FailureCode::UnknownSession || repeated {
                        return Err(failure.into_store_error());
                    }
                    repeated = true;
                }
                Ok(_) => return Err(StoreError::unavailable("the node answered before it had the sliver")),
            },
        }
    }
}

impl NodeWriter {
    async fn send(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let body = self.body.as_ref().ok_or_else(lost)?;
        if body.send(bytes).await.is_ok() {
            return Ok(());
        }
        // The node takes no more: it has answered, or is gone.
        self.body = None;
        Err(match self.answer().await {
            Ok(_) => StoreError::unavailable("the node answered before it had the sliver"),
            Err(error) => error,
        })
    }

    async fn answer(&mut self) -> Result<SealReply, StoreError> {
        match reply::or_failure(self.replied().await?).await? {
            Ok(reply) => reply::json(reply).await,
            Err(failure) => Err(failure.into_store_error()),
        }
    }

    /// Waits for the head of the reply, which comes once.
    async fn replied(&mut self) -> Result<Response<Incoming>, StoreError> {
        let replied = self.reply.as_mut().ok_or_else(lost)?.await;
        self.reply = None;
        replied.unwrap_or_else(|error| Err(StoreError::unavailable(error)))
    }
}

#[async_trait]
impl SliverWriter for NodeWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.tail.push(&bytes);
        if bytes.is_empty() { Ok(()) } else { self.send(bytes).await }
    }

    async fn seal(mut self: Box<Self>) -> Result<(), StoreError> {
        let (root, len) = (self.tail.root()?, self.tail.len());
        let (authorization, node) = (self.signed.authorization, self.exchange.sessions.node());
        let trailer = Trailer::sign(self.signed.session.key(), (&authorization, node, &self.name), root, len);
        self.send(Bytes::copy_from_slice(&trailer.to_bytes())).await?;
        self.body = None;
        let answer = self.answer().await?;
        let (cluster, name) = (authorization.cluster, self.name);
        let nonce = (authorization.session, authorization.counter);
        let receipt = Receipt { cluster, node, name, root, len, epoch: EPOCH, nonce };
        if answer.receipt.is_for(&receipt) { Ok(()) } else { Err(wrong_receipt()) }
    }

    async fn abort(self: Box<Self>) {
        // Dropping cuts the connection, and the node removes what it has.
    }
}

impl Drop for NodeWriter {
    fn drop(&mut self) {
        if let Some(reply) = &self.reply {
            reply.abort();
        }
    }
}

/// A node that signs something else than what it was given has stored nothing that can be counted on.
pub(super) fn wrong_receipt() -> StoreError {
    StoreError::unavailable("the node's receipt is not for this sliver, or not signed by the node's key")
}

fn lost() -> StoreError {
    StoreError::damaged("an earlier write of this sliver failed")
}
