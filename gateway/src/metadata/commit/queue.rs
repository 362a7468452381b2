//! The queue of batches and the task that commits them in groups.
//!
//! Whatever has arrived while one transaction ran shares the next one. Callers that wait for their outcome before they
//! send again come back together, so the committer waits for about as many as last time, for a moment at most; a lone
//! caller never waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::compact::ExtentOwner;
use super::super::{MetadataError, Result, Shared};
use super::group::{Done, Group};
use super::{Batch, Outcome};
use crate::clock::random;

/// Batches that may wait before callers must.
const WAITING_MAX: usize = 1_024;
/// Longest wait for company. The timer counts in whole milliseconds.
const LINGER_MAX: Duration = Duration::from_millis(1);
/// Changes after which a group is full.
const GROUP_CHANGES: usize = 512;

/// Where batches are handed in.
#[derive(Clone, Debug)]
pub(in crate::metadata) struct Queue(mpsc::Sender<Request>);

#[derive(Debug)]
struct Request {
    incarnation: u32,
    batch: Batch,
    reply: oneshot::Sender<Result<Vec<Outcome>>>,
}

impl Queue {
    /// Hands a batch in and waits for its outcomes.
    pub(super) async fn commit(&self, incarnation: u32, batch: Batch) -> Result<Vec<Outcome>> {
        let (reply, outcome) = oneshot::channel();
        let closed = |_| MetadataError::Unavailable("the gateway is stopping".to_owned());
        self.0.send(Request { incarnation, batch, reply }).await.map_err(closed)?;
        outcome.await.map_err(|_| MetadataError::Unknown)?
    }
}

/// Starts the committer. It ends after [`Shared::closing`] or when all queues are dropped, having committed what waits.
pub(in crate::metadata) fn start(shared: Arc<Shared>) -> (Queue, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (Queue(sender), tokio::spawn(run(shared, receiver)))
}

async fn run(shared: Arc<Shared>, mut waiting: mpsc::Receiver<Request>) {
    let mut next = None;
    let mut expected = 1;
    loop {
        let first = match next.take() {
            Some(request) => request,
            None => {
                let received = tokio::select! {
                    biased;
                    received = waiting.recv() => received,
                    () = shared.closing.cancelled(), if !waiting.is_closed() => {
                        waiting.close();
                        continue;
                    }
                };
                let Some(request) = received else { return };
                request
            }
        };
        let group = gather(first, expected, &mut waiting, &mut next).await;
        expected = group.len();
        // A task of its own: should it panic, its callers hear that the outcome is unknown and the queue goes on.
        if let Err(error) = tokio::spawn(commit_group(shared.clone(), group)).await {
            tracing::error!(%error, "a group commit broke off");
        }
    }
}

/// Takes what waits, and waits a moment for as many as are expected. A request of another incarnation comes first in the
/// `next` group.
async fn gather(
    first: Request,
    expected: usize,
    waiting: &mut mpsc::Receiver<Request>,
    next: &mut Option<Request>,
) -> Vec<Request> {
    let deadline = Instant::now() + LINGER_MAX;
    let incarnation = first.incarnation;
    let mut changes = first.batch.changes.len();
    let brings_blobs = !first.batch.blobs.is_empty();
    let mut group = vec![first];
    while changes < GROUP_CHANGES {
        let request = match waiting.try_recv() {
            Ok(request) => request,
            // What brings blobs is a group already, and its backends have kept it waiting long enough.
            Err(_) if group.len() >= expected || brings_blobs => break,
            Err(_) => match tokio::time::timeout_at(deadline, waiting.recv()).await {
                Ok(Some(request)) => request,
                Ok(None) | Err(_) => break,
            },
        };
        if request.incarnation != incarnation {
            *next = Some(request);
            break;
        }
        changes += request.batch.changes.len();
        group.push(request);
    }
    group
}

async fn commit_group(shared: Arc<Shared>, requests: Vec<Request>) {
    let incarnation = requests.first().map_or(0, |request| request.incarnation);
    let (batches, replies): (Vec<_>, Vec<_>) =
        requests.into_iter().map(|request| (request.batch, request.reply)).unzip();
    let together = batches.len() > 1;
    let (result, batches) = commit_batches(&shared, incarnation, batches).await;
    match result {
        Ok(outcomes) => {
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // A caller that is gone needs no answer.
                drop(reply.send(Ok(outcome)));
            }
        }
        // One bad batch must not keep the others from being committed.
        Err(MetadataError::Damaged(_) | MetadataError::Conflict) if together => {
            for (batch, reply) in batches.into_iter().zip(replies) {
                let (result, _) = commit_batches(&shared, incarnation, vec![batch]).await;
                drop(reply.send(result.map(|mut outcomes| outcomes.pop().unwrap_or_default())));
            }
        }
        Err(error) => {
            for reply in replies {
                drop(reply.send(Err(error.clone())));
            }
        }
    }
}

/// One transaction, and what the caches learn from it. Gives the batches back when it failed.
async fn commit_batches(
    shared: &Arc<Shared>,
    incarnation: u32,
    batches: Vec<Batch>,
) -> (Result<Vec<Vec<Outcome>>>, Vec<Batch>) {
    let changes = batches.iter().map(|batch| batch.changes.len()).sum();
    let part_ids = (0..changes).map(|_| ExtentOwner(random(&*shared.ambient.entropy))).collect();
    let cached = shared.versions.is_some();
    let group = Group { incarnation, grace_seconds: shared.grace_seconds(), batches, part_ids, cached };
    let announced =
        shared.versions.as_ref().map(|cache| cache.announce(group.keys().into_iter().map(|(b, k)| (b, k.clone()))));
    let result = shared.database.transact_here(&group).await;
    let Done { outcomes, known } = match result {
        Ok(done) => done,
        Err(error) => return (Err(error), group.batches),
    };
    if let Some(announced) = announced {
        announced.finish(known);
    }
    for new in group.batches.into_iter().flat_map(|batch| batch.blobs) {
        shared.blobs.insert(new.blob.id, Arc::new(new.blob));
    }
    (Ok(outcomes), Vec::new())
}
