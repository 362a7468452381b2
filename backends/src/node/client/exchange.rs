//! Requests and their replies.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, EXPECT};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::pinned::{HttpClient, client, transport_error};
use super::reply;
use super::request_body::RequestBody;
use super::sessions::{Session, Sessions};
use super::spec::NodeSpec;
use crate::node::protocol::{Authorization, BodyDigest, Call, FailureCode, SigningKey};
use crate::{GatewayIdentity, StoreError};

/// A longer body is sent only once the node has asked for it: then a refusal arrives, and nothing was sent in vain.
const UNASKED_BYTES_MAX: u64 = 256 << 10;

/// A node and how to talk to it.
#[derive(Debug)]
pub(super) struct Exchange {
    client: HttpClient,
    uri: Uri,
    /// The session.
    pub(super) sessions: Sessions,
}

/// A request that may be sent.
pub(super) struct Signed {
    /// The session it is in.
    pub(super) session: Arc<Session>,
    /// What was signed.
    pub(super) authorization: Authorization,
}

impl Exchange {
    /// A client for a node.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`].
    pub(super) fn new(spec: NodeSpec, identity: &GatewayIdentity) -> Result<Self, StoreError> {
        Ok(Self { client: client(spec.key)?, sessions: Sessions::new(identity, &spec)?, uri: spec.uri })
    }

    /// Sends a request with a body in pieces; gives the reply, and what was signed. When the node does not know the session any
    /// more, another one is opened and the request repeated, once.
    ///
    /// # Errors
    /// What the node refuses with.
    pub(super) async fn send(
        &self,
        call: &Call,
        pieces: Vec<Bytes>,
    ) -> Result<(Response<Incoming>, Authorization), StoreError> {
        self.send_built(call, |_| Ok(pieces.clone())).await
    }

    /// As [`Exchange::send`], with a body that the key of the session has signed.
    ///
    /// # Errors
    /// As [`Exchange::send`].
    pub(super) async fn send_signed(
        &self,
        call: &Call,
        body: impl Fn(&SigningKey) -> serde_json::Result<Bytes> + Send + Sync,
    ) -> Result<(Response<Incoming>, Authorization), StoreError> {
        self.send_built(call, |key| Ok(vec![body(key).map_err(StoreError::unavailable)?])).await
    }

    async fn send_built(
        &self,
        call: &Call,
        build: impl Fn(&SigningKey) -> Result<Vec<Bytes>, StoreError> + Send + Sync,
    ) -> Result<(Response<Incoming>, Authorization), StoreError> {
        let mut repeated = false;
        loop {
            let session = self.sessions.current(&self.client, &self.uri).await?;
            let pieces = build(session.key())?;
            let authorization = session.sign(&self.sessions, call, digest(&pieces));
            let signed = Signed { session, authorization };
            let sent = self.transmit(call, &signed, pieces).await?;
            match reply::or_failure(sent).await? {
                Ok(reply) => return Ok((reply, signed.authorization)),
                Err(failure) => {
                    self.sessions.note(&signed.session, failure.code);
                    if failure.code != FailureCode::UnknownSession || repeated {
                        return Err(failure.into_store_error());
                    }
                    repeated = true;
                }
            }
        }
    }

    /// Sends a request without a body; gives the reply's JSON.
    ///
    /// # Errors
    /// As [`Exchange::send`].
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, StoreError> {
        reply::json(self.send(call, Vec::new()).await?.0).await
    }

    /// Sends a request whose reply says no more than that it was done.
    ///
    /// # Errors
    /// As [`Exchange::send`].
    pub(super) async fn done(&self, call: &Call, pieces: Vec<Bytes>) -> Result<(), StoreError> {
        let _: serde_json::Value = reply::json(self.send(call, pieces).await?.0).await?;
        Ok(())
    }

    /// Signs a request, in a session that is opened if there is none.
    ///
    /// # Errors
    /// No session can be had.
    pub(super) async fn sign(&self, call: &Call, body: BodyDigest) -> Result<Signed, StoreError> {
        let session = self.sessions.current(&self.client, &self.uri).await?;
        let authorization = session.sign(&self.sessions, call, body);
        Ok(Signed { session, authorization })
    }

    /// Sends a signed request; `asked` is notified when the node asks for the body.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub(super) async fn stream(
        &self,
        call: &Call,
        signed: &Signed,
        body: RequestBody,
        asked: &Arc<Notify>,
    ) -> Result<Response<Incoming>, StoreError> {
        let mut request = self.request(call, signed, body)?;
        request.headers_mut().insert(EXPECT, http::HeaderValue::from_static("100-continue"));
        let asked = Arc::clone(asked);
        hyper::ext::on_informational(&mut request, move |reply| {
            if reply.status() == http::StatusCode::CONTINUE {
                asked.notify_one();
            }
        });
        self.client.request(request).await.map_err(|error| transport_error(&error))
    }

    async fn transmit(
        &self,
        call: &Call,
        signed: &Signed,
        pieces: Vec<Bytes>,
    ) -> Result<Response<Incoming>, StoreError> {
        let len: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        if len > UNASKED_BYTES_MAX {
            let asked = Arc::new(Notify::new());
            return self.stream(call, signed, RequestBody::whole(pieces, Some(Arc::clone(&asked))), &asked).await;
        }
        let mut request = self.request(call, signed, RequestBody::whole(pieces, None))?;
        if len > 0 {
            request.headers_mut().insert(CONTENT_LENGTH, len.into());
        }
        self.client.request(request).await.map_err(|error| transport_error(&error))
    }

    fn request(&self, call: &Call, signed: &Signed, body: RequestBody) -> Result<Request<RequestBody>, StoreError> {
        Request::builder()
            .method(call.method())
            .uri(format!("{}{}", self.uri, call.target().trim_start_matches('/')))
            .header(AUTHORIZATION, signed.authorization.to_string())
            .body(body)
            .map_err(StoreError::misconfigured)
    }
}

fn digest(pieces: &[Bytes]) -> BodyDigest {
    let mut hasher = blake3::Hasher::new();
    for piece in pieces {
        hasher.update(piece);
    }
    let len = pieces.iter().map(|piece| piece.len() as u64).sum();
    BodyDigest::Whole { len, hash: *hasher.finalize().as_bytes() }
}
