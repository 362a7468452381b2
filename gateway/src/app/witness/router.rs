//! The paths of a witness. Bodies are bounded, and only some requests are worked on at once.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use tokio::sync::Semaphore;

use super::answer::Answer;
use super::server::WitnessServer;
use crate::ledger::log::SECTION_BYTES_MAX;
use crate::ledger::log::note::REQUEST_BYTES_MAX;
use crate::ledger::log::verify::PlannedEpoch;

/// Checkpoints that are worked on at once.
const CHECKPOINTS_MAX: usize = 8;
/// The header with the checkpoint of a section.
const CHECKPOINT: &str = "haulout-checkpoint";

/// What inputs give.
pub(in crate::app) type PlanOf = fn(&[u8]) -> Result<PlannedEpoch, String>;

struct Shared {
    server: WitnessServer,
    plan: PlanOf,
    checkpoints: Semaphore,
    /// A section may take much memory.
    sections: Semaphore,
}

/// The paths of this witness, which recomputes with `plan`.
pub(in crate::app) fn router(server: WitnessServer, plan: PlanOf) -> Router {
    let shared = Shared { server, plan, checkpoints: Semaphore::new(CHECKPOINTS_MAX), sections: Semaphore::new(1) };
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/add-section", post(add_section))
        .route("/refusals", get(refusals))
        .with_state(Arc::new(shared))
}

async fn add_checkpoint(State(shared): State<Arc<Shared>>, body: Body) -> Response {
    let answer = async {
        let Ok(_permit) = shared.checkpoints.try_acquire() else { return busy() };
        let Ok(body) = to_bytes(body, REQUEST_BYTES_MAX).await else { return too_long(REQUEST_BYTES_MAX) };
        let shared = Arc::clone(&shared);
        blocking(move || shared.server.add_checkpoint(&body)).await
    };
    counted("add-checkpoint", answer.await)
}

async fn add_section(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    counted("add-section", section(&shared, query.as_deref(), &headers, body).await)
}

async fn section(shared: &Arc<Shared>, query: Option<&str>, headers: &HeaderMap, body: Body) -> Answer {
    let Ok(_permit) = shared.sections.try_acquire() else { return busy() };
    let old = query.and_then(|query| query.strip_prefix("old=")?.parse::<u64>().ok());
    let note = headers.get(CHECKPOINT).and_then(|note| STANDARD.decode(note).ok());
    let (Some(old), Some(note)) = (old, note) else {
        return Answer::text(400, "say ?old=SIZE, and the checkpoint in base64 in the header haulout-checkpoint");
    };
    let expecting = Arc::clone(shared);
    let expected = tokio::task::spawn_blocking(move || expecting.server.expect_section(&note, old)).await;
    let checkpoint = match expected {
        Ok(Ok(checkpoint)) => checkpoint,
        Ok(Err(answer)) => return answer,
        Err(error) => return Answer::failed(&error.into()),
    };
    let Ok(body) = to_bytes(body, SECTION_BYTES_MAX).await else { return too_long(SECTION_BYTES_MAX) };
    let shared = Arc::clone(shared);
    blocking(move || shared.server.add_section(&checkpoint, &body, &shared.plan)).await
}

async fn refusals(State(shared): State<Arc<Shared>>) -> Response {
    let shared = Arc::clone(&shared);
    blocking(move || shared.server.refusals()).await.into()
}

/// Runs what touches the disk.
async fn blocking(work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Answer::failed(&error.into()))
}

fn counted(request: &'static str, answer: Answer) -> Response {
    metrics::counter!("haulout_witness_requests_total", "request" => request, "status" => answer.status.to_string())
        .increment(1);
    answer.into()
}

fn busy() -> Answer {
    Answer::text(503, "too many requests at once: try again later")
}

fn too_long(bytes: usize) -> Answer {
    Answer::text(413, format!("the body did not arrive, or has more than {bytes} bytes"))
}
