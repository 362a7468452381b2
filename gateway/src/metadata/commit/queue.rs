//! The queue of batches and the task that commits them in groups.
//!
//! Whatever has arrived while one transaction ran shares the next one; [`batching`](crate::batching) says how long a group
//! waits for more.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::batching::{Batchable, Batcher, GroupLimits, Groups, NotAnswered, Submission, batcher};
use crate::clock::time_ordered_id;
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::apply::Circumstances;
use crate::metadata::commit::change::Batch;
use crate::metadata::commit::group::{Done, Group};
use crate::metadata::commit::outcome::Outcome;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::shared::Shared;

/// A group's weight is its number of changes.
const LIMITS: GroupLimits = GroupLimits {
    waiting_max: 1_024,
    requests_max: 512,
    weight_max: 512,
    // The timer counts in whole milliseconds.
    linger_max: Duration::from_millis(1),
};

/// Where batches are handed in.
#[derive(Clone, Debug)]
pub(in crate::metadata) struct Queue(Batcher<Request>);

#[derive(Debug)]
struct Request {
    incarnation: u32,
    batch: Batch,
}

impl Batchable for Request {
    type Answer = Result<Vec<Outcome>>;

    fn weight(&self) -> u64 {
        self.batch.changes.len() as u64
    }

    /// What brings blobs is a group already, and its backends have kept it waiting long enough.
    fn lingers(&self) -> bool {
        self.batch.blobs.is_empty()
    }
}

impl Queue {
    /// Hands a batch in and waits for its outcomes.
    pub(super) async fn commit(&self, incarnation: u32, batch: Batch) -> Result<Vec<Outcome>> {
        self.0.submit(Request { incarnation, batch }).await.map_err(|error| match error {
            NotAnswered::Closed => MetadataError::Unavailable("the gateway is stopping".to_owned()),
            NotAnswered::Abandoned => MetadataError::Unknown,
        })?
    }
}

/// Starts the committer. It ends after [`Shared::closing`] or when all queues are dropped, having committed what waits.
pub(in crate::metadata) fn start(shared: Arc<Shared>) -> (Queue, JoinHandle<()>) {
    let (batcher, groups) = batcher(LIMITS);
    (Queue(batcher), tokio::spawn(run(shared, groups)))
}

async fn run(shared: Arc<Shared>, mut groups: Groups<Request>) {
    loop {
        let next = tokio::select! {
            biased;
            next = groups.next(std::future::ready(())) => next,
            () = shared.closing.cancelled(), if !groups.is_closed() => {
                groups.close();
                continue;
            }
        };
        let Some((group, ())) = next else { return };
        for group in by_incarnation(group) {
            // A task of its own: if it panics, its callers get an unknown outcome and the queue continues.
            if let Err(error) = tokio::spawn(commit_group(shared.clone(), group)).await {
                tracing::error!(%error, "a group commit panicked");
            }
        }
    }
}

/// A transaction is of one incarnation. The order in which requests came stays.
fn by_incarnation(mut requests: Vec<Submission<Request>>) -> Vec<Vec<Submission<Request>>> {
    let mut groups = Vec::with_capacity(1);
    while let Some(first) = requests.first().map(|first| first.request.incarnation) {
        let others = requests.iter().position(|next| next.request.incarnation != first).unwrap_or(requests.len());
        let rest = requests.split_off(others);
        groups.push(std::mem::replace(&mut requests, rest));
    }
    groups
}

async fn commit_group(shared: Arc<Shared>, requests: Vec<Submission<Request>>) {
    let incarnation = requests.first().map_or(0, |first| first.request.incarnation);
    let (batches, replies): (Vec<_>, Vec<_>) =
        requests.into_iter().map(|submission| (submission.request.batch, submission.reply)).unzip();
    let together = batches.len() > 1;
    let (result, batches) = commit_batches(&shared, incarnation, batches).await;
    match result {
        Ok(outcomes) => {
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // A caller that was dropped needs no outcome.
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
    let part_ids = (0..changes).map(|_| ExtentOwner(time_ordered_id(&shared.ambient))).collect();
    let cached = shared.versions.is_some();
    let group = Group { given: Circumstances::now(shared, incarnation), batches, part_ids, cached };
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
