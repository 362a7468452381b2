//! The slivers of one streamed blob, written to their backends side by side.

use std::sync::Arc;
use std::time::Duration;

use backends::{SliverName, StoreError};
use bytes::Bytes;
use codec::BlobId;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::committee::Member;
use super::stragglers::all_but_stragglers;

/// Steps that may wait for one backend: one waits while one is written and the next stripes are coded.
const QUEUE_STEPS: usize = 1;

/// How much longer than the others one backend may take before it is given up and its sliver rebuilt elsewhere.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a lane is told.
enum Step {
    Write(Vec<Bytes>),
    Seal,
}

/// One sliver on its way to one backend.
pub(crate) struct Lane {
    pub(crate) index: u8,
    pub(crate) member: Arc<Member>,
    pub(crate) name: SliverName,
    steps: mpsc::Sender<Step>,
    task: JoinHandle<Result<(), StoreError>>,
    lost: bool,
}

impl Lane {
    /// Starts writing one sliver. Nothing is visible on the backend before it is sealed.
    fn start(index: u8, member: Arc<Member>, name: SliverName) -> Self {
        let (steps, queue) = mpsc::channel(QUEUE_STEPS);
        let task = tokio::spawn(write_sliver(Arc::clone(&member), name, queue));
        Self { index, member, name, steps, task, lost: false }
    }

    /// Hands over the next step; false when the lane has failed, which sealing learns the reason of.
    async fn step(&mut self, step: Step) -> bool {
        !self.lost && self.steps.send(step).await.is_ok()
    }

    /// Waits until the sliver is durable.
    async fn sealed(&mut self) -> bool {
        self.step(Step::Seal).await;
        match (&mut self.task).await {
            Ok(Ok(())) => !self.lost,
            Ok(Err(error)) => {
                self.member.write_failed(&error);
                false
            }
            // Given up before, which was noted then.
            Err(_) => false,
        }
    }

    /// Gives the lane up: it failed, or it did not keep up.
    fn give_up(&mut self, outcome: Option<bool>) {
        if outcome.is_none() && !self.lost {
            self.member.write_failed(&StoreError::TimedOut);
            self.task.abort();
        }
        self.lost |= outcome != Some(true);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Dropping the writer inside removes what is not sealed.
        self.task.abort();
    }
}

/// The task of a lane: a writer fed by a queue, aborted when the queue closes without a seal.
async fn write_sliver(
    member: Arc<Member>,
    name: SliverName,
    mut queue: mpsc::Receiver<Step>,
) -> Result<(), StoreError> {
    let mut writer = member.store.create(&name).await?;
    while let Some(step) = queue.recv().await {
        match step {
            Step::Write(parts) => writer.write_parts(parts).await?,
            Step::Seal => return writer.seal().await,
        }
    }
    writer.abort().await;
    Err(StoreError::TimedOut)
}

/// Every sliver of one blob.
pub(crate) struct Fanout {
    lanes: Vec<Lane>,
    /// Lanes that must keep up before others count as stragglers.
    floor: usize,
}

impl Fanout {
    /// Starts the slivers of a blob on these members: `members[i]` takes sliver `i`.
    pub(crate) fn start(
        blob: BlobId,
        members: Vec<Arc<Member>>,
        floor: usize,
        mut attempt: impl FnMut() -> u32,
    ) -> Self {
        let lane = |(index, member)| {
            let index = u8::try_from(index).unwrap_or(u8::MAX);
            Lane::start(index, member, SliverName { blob, index, attempt: attempt() })
        };
        Self { lanes: members.into_iter().enumerate().map(lane).collect(), floor }
    }

    /// Every sliver begun, sealed or not.
    pub(crate) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Appends pieces to each sliver: `pieces[i]` to sliver `i`.
    pub(crate) async fn write(&mut self, mut pieces: Vec<Vec<Bytes>>) {
        let steps = self.lanes.iter_mut().map(|lane| {
            let pieces = pieces.get_mut(usize::from(lane.index)).map(std::mem::take).unwrap_or_default();
            lane.step(Step::Write(pieces))
        });
        let outcomes = all_but_stragglers(steps, self.floor, PATIENCE, |taken| *taken).await;
        self.lanes.iter_mut().zip(outcomes).for_each(|(lane, outcome)| lane.give_up(outcome));
    }

    /// Seals every sliver and tells which are durable.
    pub(crate) async fn seal(&mut self) -> Vec<&Lane> {
        let seals = self.lanes.iter_mut().map(Lane::sealed);
        let outcomes = all_but_stragglers(seals, self.floor, PATIENCE, |sealed| *sealed).await;
        self.lanes.iter_mut().zip(outcomes).for_each(|(lane, outcome)| lane.give_up(outcome));
        self.lanes.iter().filter(|lane| !lane.lost).collect()
    }
}
