//! The session with a node: opened when it is needed, shared by all requests, replaced when the node does not know it any more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use codec::ClusterId;
use http::Uri;
use http::header::CONTENT_TYPE;
use tokio::time::Instant;

use super::pinned::{HttpClient, transport_error};
use super::reply;
use super::request_body::RequestBody;
use super::spec::NodeSpec;
use crate::node::ambient::{now_seconds, random};
use crate::node::protocol::{
    Authorization, BodyDigest, Call, Failure, FailureCode, GatewayName, PROTOCOL, PublicKey, SessionReply,
    SessionRequest, Signature, SignedRequest, SigningKey,
};
use crate::{GatewayIdentity, StoreError};

/// The generation of a backend that was never replaced.
const FIRST_GENERATION: u64 = crate::marker::FIRST_GENERATION;

/// A session that is refused for what may be right again is replaced, this often at most.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    id: [u8; 16],
    generation: u64,
    key: Arc<SigningKey>,
    counter: AtomicU64,
}

/// Opens sessions and signs with them.
#[derive(Debug)]
pub(super) struct Sessions {
    identity: GatewayIdentity,
    backend: String,
    node: PublicKey,
    generation: AtomicU64,
    current: RwLock<Option<Arc<Session>>>,
    opening: tokio::sync::Mutex<()>,
    /// When a session was last given up although the node knows it.
    given_up: Mutex<Option<Instant>>,
}

impl Sessions {
    /// Sessions of this gateway with this node.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] for a gateway that cannot sign.
    pub(super) fn new(identity: &GatewayIdentity, spec: &NodeSpec) -> Result<Self, StoreError> {
        if identity.keys().is_empty() {
            return Err(StoreError::misconfigured("a gateway without a cluster key cannot use nodes"));
        }
        Ok(Self {
            identity: identity.clone(),
            backend: spec.name.clone(),
            node: spec.key,
            generation: AtomicU64::new(FIRST_GENERATION),
            current: RwLock::default(),
            opening: tokio::sync::Mutex::default(),
            given_up: Mutex::default(),
        })
    }

    /// The node.
    pub(super) fn node(&self) -> PublicKey {
        self.node
    }

    /// The cluster.
    pub(super) fn cluster(&self) -> ClusterId {
        self.identity.cluster
    }

    /// Sessions from now on refuse earlier generations.
    pub(super) fn require_generation(&self, generation: u64) {
        self.generation.fetch_max(generation, Ordering::SeqCst);
    }

    /// After a refusal: forgets a session that the node does not know, or whose backend or key it does not take any more. Both may be
    /// right again in the next one.
    pub(super) fn note(&self, session: &Session, refusal: FailureCode) {
        let is_over = match refusal {
            FailureCode::UnknownSession => true,
            // While a disk is away, say, every request is refused so: not each of them opens another session.
            FailureCode::WrongBackend | FailureCode::NotAdmitted => self.may_give_up(),
            _ => false,
        };
        if is_over {
            self.forget(session);
        }
    }

    fn may_give_up(&self) -> bool {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        let may = given_up.is_none_or(|last| last.elapsed() >= REOPEN_PAUSE);
        if may {
            *given_up = Some(Instant::now());
        }
        may
    }

    fn forget(&self, session: &Session) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| current.id == session.id) {
            *current = None;
        }
    }

    /// The session to use now.
    ///
    /// # Errors
    /// [`StoreError::Denied`] if the node does not admit the gateway, else what keeps it from answering.
    pub(super) async fn current(&self, client: &HttpClient, uri: &Uri) -> Result<Arc<Session>, StoreError> {
        if let Some(session) = self.usable() {
            return Ok(session);
        }
        let _alone = self.opening.lock().await;
        if let Some(session) = self.usable() {
            return Ok(session);
        }
        let session = Arc::new(self.open(client, uri).await?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&session));
        Ok(session)
    }

    fn usable(&self) -> Option<Arc<Session>> {
        let generation = self.generation.load(Ordering::SeqCst);
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|session| session.generation >= generation).cloned()
    }

    /// Opens a session with the first of the gateway's keys that the node admits.
    async fn open(&self, client: &HttpClient, uri: &Uri) -> Result<Session, StoreError> {
        let mut first_refusal = None;
        for key in self.identity.keys() {
            match self.open_with(key, client, uri).await? {
                Ok(session) => return Ok(session),
                Err(failure) if failure.code == FailureCode::NotAdmitted => {
                    first_refusal.get_or_insert(failure);
                }
                Err(failure) => return Err(failure.into_store_error()),
            }
        }
        let names: Vec<_> = self.identity.names().iter().map(GatewayName::to_string).collect();
        let said = first_refusal.map(|failure| failure.message).unwrap_or_default();
        let reason =
            format!("{said}; its operator admits this gateway by `haulout node allow {}`", names.join("` or `"));
        Err(StoreError::Denied { reason })
    }

    async fn open_with(
        &self,
        key: &Arc<SigningKey>,
        client: &HttpClient,
        uri: &Uri,
    ) -> Result<Result<Session, Failure>, StoreError> {
        let generation = self.generation.load(Ordering::SeqCst);
        let mut request = SessionRequest {
            protocol: PROTOCOL.to_owned(),
            cluster: self.identity.cluster,
            gateway: key.public(),
            node: self.node,
            backend: self.backend.clone(),
            generation,
            time: now_seconds(),
            nonce: hex::encode(random::<16>()?),
            signature: Signature([0; 64]),
        };
        request.signature = key.sign(&request.text());
        let body = Bytes::from(serde_json::to_vec(&request).map_err(StoreError::unavailable)?);
        let call = Call::OpenSession;
        let request = http::Request::builder()
            .method(call.method())
            .uri(format!("{uri}{}", call.path().trim_start_matches('/')))
            .header(CONTENT_TYPE, "application/json")
            .body(RequestBody::whole(vec![body], None))
            .map_err(StoreError::misconfigured)?;
        let answered = client.request(request).await.map_err(|error| transport_error(&error))?;
        let answered = match reply::or_failure(answered).await? {
            Ok(answered) => answered,
            Err(failure) => return Ok(Err(failure)),
        };
        let opened: SessionReply = reply::json(answered).await?;
        let id = opened.id().ok_or_else(|| StoreError::unavailable("the node's session has no id"))?;
        Ok(Ok(Session { id, generation, key: Arc::clone(key), counter: AtomicU64::new(0) }))
    }
}

impl Session {
    /// Signs a request with the next counter.
    pub(super) fn sign(&self, sessions: &Sessions, call: &Call, body: BodyDigest) -> Authorization {
        let mut authorization = Authorization {
            cluster: sessions.cluster(),
            session: self.id,
            counter: self.counter.fetch_add(1, Ordering::Relaxed),
            time: now_seconds(),
            body,
            signature: Signature([0; 64]),
        };
        let text = SignedRequest { authorization: &authorization, node: sessions.node(), call }.text();
        authorization.signature = self.key.sign(&text);
        authorization
    }

    /// The key that signs.
    pub(super) fn key(&self) -> &SigningKey {
        &self.key
    }
}
