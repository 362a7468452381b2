//! From a request to its operation.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;

use super::authorize::{Caller, authorize, check_time};
use super::body::{ReplyBody, json, keep, receive, receive_small, refusal};
use super::connection::Patience;
use super::node::Node;
use super::serving::{self, Reply};
use super::sessions::Opened;
use super::tenant::Tenant;
use super::{audits, batch, storing};
use crate::StoreError;
use crate::node::ambient::random;
use crate::node::protocol::{Call, Failure, FailureCode, SMALL_BODY_MAX, SessionReply, SessionRequest};

/// Bytes of a request for a session.
const SESSION_BODY_MAX: u64 = 4096;

/// Time for a body that nobody wants.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Answers a request. One that changes something is answered to its end even if nobody waits for the answer any more: what was begun on
/// the disk goes on, and its bytes are to be counted.
pub(super) async fn serve_to_the_end(
    node: Arc<Node>,
    patience: Patience,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    let (parts, body) = request.into_parts();
    let call = Call::parse(&parts.method, parts.uri.path(), parts.uri.query());
    if call.as_ref().is_ok_and(Call::only_reads) {
        return serve(node, patience, parts, call, body).await;
    }
    let failed = |error: tokio::task::JoinError| refusal(&Failure::new(FailureCode::Unavailable, error.to_string()));
    tokio::spawn(serve(node, patience, parts, call, body)).await.unwrap_or_else(failed)
}

/// Answers a request. Every answer is a reply of the protocol.
async fn serve(
    node: Arc<Node>,
    patience: Patience,
    parts: Parts,
    call: Result<Call, Failure>,
    body: Incoming,
) -> Response<ReplyBody> {
    let _working = patience.work();
    let operation = call.as_ref().map_or("unknown", Call::name);
    let reply = match call {
        Ok(call) => answer(&node, &patience, &parts, call, body).await,
        Err(failure) => Err(failure),
    };
    let outcome = reply.as_ref().map_or_else(|failure| failure.code.text(), |_| "ok");
    metrics::counter!("haulout_node_requests_total", "operation" => operation, "outcome" => outcome).increment(1);
    reply.unwrap_or_else(|failure| {
        tracing::debug!(operation, %failure, "refused");
        refusal(&failure)
    })
}

async fn answer(node: &Arc<Node>, patience: &Patience, parts: &Parts, call: Call, body: Incoming) -> Reply {
    if call == Call::OpenSession {
        return open_session(node, body).await.inspect(|_| patience.prove());
    }
    let admitted = authorize(node, parts, &call).and_then(|caller| {
        patience.prove();
        let slots = begin(node, &caller.tenant)?;
        Ok((Arc::new(caller), slots))
    });
    let (caller, slots) = match admitted {
        Ok(admitted) => admitted,
        Err(failure) => {
            // One that waits to be asked sends nothing; from others it is taken, or the refusal would not arrive.
            if !parts.headers.contains_key(http::header::EXPECT) {
                drain(body).await;
            }
            return Err(failure);
        }
    };
    let mut answered = answer_caller(node, &caller, call, body).await;
    if answered.is_ok()
        && let Err(error) = caller.tenant.prove(&caller.backend).await
    {
        answered = Err(error.into());
    }
    if let Err(Failure { code: FailureCode::WrongBackend, message }) = &answered {
        caller.tenant.note(&StoreError::wrong(message));
    }
    // Until the reply was read: one that nobody reads must not make place for the next.
    answered.map(|reply| reply.map(|body| keep(body, slots)))
}

/// A request that may be worked on: within what its cluster may take, and what all may.
fn begin(node: &Node, tenant: &Tenant) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Failure> {
    let busy = |_| Failure::new(FailureCode::Busy, "too many requests at once");
    Ok((tenant.share.begin()?, Arc::clone(&node.requests).try_acquire_owned().map_err(busy)?))
}

/// What the cluster has. Before a key is refused, the file is looked at: it may have been admitted just now.
async fn find_tenant(node: &Arc<Node>, request: &SessionRequest) -> Result<Arc<Tenant>, Failure> {
    let find = || node.admissions.find(&request.cluster, &request.gateway);
    if let Ok(tenant) = find() {
        return Ok(tenant);
    }
    let looking = Arc::clone(node);
    // Whether anything changed does not matter here.
    drop(tokio::task::spawn_blocking(move || looking.refresh()).await);
    find()
}

/// Receives a body that nobody wants, within bounds.
async fn drain(body: Incoming) {
    drop(tokio::time::timeout(DRAIN_TIME, receive_small(body, SMALL_BODY_MAX)).await);
}

async fn answer_caller(node: &Node, caller: &Arc<Caller>, call: Call, body: Incoming) -> Reply {
    match call {
        Call::Store { name, epoch } => {
            Ok(json(StatusCode::OK, &storing::store(node, caller, name, epoch, body).await?))
        }
        Call::StoreBatch { epoch } => {
            let body = receive(node, caller, body).await?;
            Ok(json(StatusCode::OK, &batch::store(node, caller, epoch, body.bytes.clone()).await?))
        }
        Call::Read { name, range } => serving::read(node, caller, name, range).await,
        Call::Length { name } => serving::length(caller, name).await,
        Call::Prove { name } => {
            let body = receive(node, caller, body).await?;
            audits::prove(node, caller, name, &body.bytes).await
        }
        Call::BeginEpoch => {
            let body = receive(node, caller, body).await?;
            audits::begin(node, caller, &body.bytes).await
        }
        Call::RevealEpoch { epoch } => {
            let body = receive(node, caller, body).await?;
            audits::reveal(caller, epoch, &body.bytes).await
        }
        Call::ReportVerdicts => {
            let body = receive(node, caller, body).await?;
            audits::report(caller, &body.bytes).await
        }
        Call::Delete { name } => serving::delete(caller, name).await,
        Call::List { after, limit } => serving::list(caller, after, limit).await,
        Call::Sweep { seconds } => serving::sweep(node, caller, seconds).await,
        Call::Space => serving::space(node, caller).await,
        Call::Pulse => serving::pulse(caller).await,
        Call::Beat => {
            let body = receive(node, caller, body).await?;
            serving::beat(caller, body.bytes.clone()).await
        }
        Call::Format => {
            let body = receive(node, caller, body).await?;
            serving::format(node, caller, &body.bytes).await
        }
        Call::OpenSession => Err(Failure::new(FailureCode::Malformed, "a session begins without one")),
    }
}

/// Begins a session for a gateway that proves its key. Few at once: nobody who asks for this is known yet.
async fn open_session(node: &Arc<Node>, body: Incoming) -> Reply {
    let slow = |_| Failure::new(FailureCode::TimedOut, "the request comes too slowly");
    let receiving = tokio::time::timeout(node.settings.first_byte, receive_small(body, SESSION_BODY_MAX));
    let body = receiving.await.map_err(slow)??;
    let busy = |_| Failure::new(FailureCode::Busy, "too many sessions are being opened");
    let _permit = node.openings.try_acquire().map_err(busy)?;
    let request = SessionRequest::parse(&body)?;
    let tenant = find_tenant(node, &request).await?;
    check_time(request.time)?;
    if request.node != node.key.public() || !request.gateway.verifies(&request.text(), &request.signature) {
        return Err(Failure::new(FailureCode::BadSignature, "the signature does not fit, or another node is meant"));
    }
    tenant.attach(&request.backend, request.generation).await?;
    let id = random()?;
    let SessionRequest { cluster, gateway, backend, .. } = request;
    tracing::info!(cluster = %hex::encode(cluster.0), %gateway, backend, "a gateway opened a session");
    node.sessions.open(id, Opened { cluster, gateway, backend });
    Ok(json(StatusCode::OK, &SessionReply { session: hex::encode(id) }))
}
