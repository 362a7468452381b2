//! The slivers of one streamed blob, written to their backends side by side.

use std::sync::Arc;
use std::time::Duration;

use backends::{SliverName, StoreError};
use bytes::Bytes;
use codec::BlobId;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::objects::committee::Backend;
use crate::objects::write::stragglers::all_but_stragglers;

/// Steps that may wait for one backend: one waits while one is written and the next stripes are coded.
const QUEUE_STEPS: usize = 1;

/// How much longer than the others one backend may take before it is abandoned and its sliver rebuilt elsewhere.
const STRAGGLER_WAIT: Duration = Duration::from_secs(5);

/// A step of a sliver task.
enum Step {
    Write(Vec<Bytes>),
    Seal,
}

/// One sliver on its way to one backend.
pub(crate) struct SliverTask {
    pub(crate) index: u8,
    pub(crate) backend: Arc<Backend>,
    pub(crate) name: SliverName,
    steps: mpsc::Sender<Step>,
    task: JoinHandle<Result<(), StoreError>>,
    lost: bool,
}

impl SliverTask {
    /// Starts writing one sliver. Nothing is visible on the backend before it is sealed.
    fn start(index: u8, backend: Arc<Backend>, name: SliverName) -> Self {
        let (steps, queue) = mpsc::channel(QUEUE_STEPS);
        let task = tokio::spawn(write_sliver(Arc::clone(&backend), name, queue));
        Self { index, backend, name, steps, task, lost: false }
    }

    /// Sends the next step; false when the task has failed; sealing reports the reason.
    async fn step(&mut self, step: Step) -> bool {
        !self.lost && self.steps.send(step).await.is_ok()
    }

    /// Waits until the sliver is durable.
    async fn sealed(&mut self) -> bool {
        self.step(Step::Seal).await;
        match (&mut self.task).await {
            Ok(Ok(())) => !self.lost,
            Ok(Err(error)) => {
                self.backend.write_failed(&error);
                false
            }
            // Given up before, which was noted then.
            Err(_) => false,
        }
    }

    /// Abandons the sliver: its task failed or did not keep up.
    fn give_up(&mut self, outcome: Option<bool>) {
        if outcome.is_none() && !self.lost {
            self.backend.write_failed(&StoreError::TimedOut);
            self.task.abort();
        }
        self.lost |= outcome != Some(true);
    }
}

impl Drop for SliverTask {
    fn drop(&mut self) {
        // Dropping the writer inside removes what is not sealed.
        self.task.abort();
    }
}

/// The task of one sliver: a writer fed by a queue, aborted when the queue closes without a seal.
async fn write_sliver(
    backend: Arc<Backend>,
    name: SliverName,
    mut queue: mpsc::Receiver<Step>,
) -> Result<(), StoreError> {
    let mut writer = backend.store.create(&name).await?;
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
    sliver_tasks: Vec<SliverTask>,
    /// Lanes that must keep up before others count as stragglers.
    floor: usize,
}

impl Fanout {
    /// Starts the slivers of a blob on these members: `backends[i]` takes sliver `i`.
    pub(crate) fn start(
        blob: BlobId,
        backends: Vec<Arc<Backend>>,
        floor: usize,
        mut attempt: impl FnMut() -> u32,
    ) -> Self {
        let sliver_task = |(index, backend)| {
            let index = u8::try_from(index).unwrap_or(u8::MAX);
            SliverTask::start(index, backend, SliverName { blob, index, attempt: attempt() })
        };
        Self { sliver_tasks: backends.into_iter().enumerate().map(sliver_task).collect(), floor }
    }

    /// Every sliver begun, sealed or not.
    pub(crate) fn sliver_tasks(&self) -> &[SliverTask] {
        &self.sliver_tasks
    }

    /// Appends pieces to each sliver: `pieces[i]` to sliver `i`.
    pub(crate) async fn write(&mut self, mut pieces: Vec<Vec<Bytes>>) {
        let steps = self.sliver_tasks.iter_mut().map(|sliver_task| {
            let pieces = pieces.get_mut(usize::from(sliver_task.index)).map(std::mem::take).unwrap_or_default();
            sliver_task.step(Step::Write(pieces))
        });
        let outcomes = all_but_stragglers(steps, self.floor, STRAGGLER_WAIT, |taken| *taken).await;
        self.sliver_tasks.iter_mut().zip(outcomes).for_each(|(sliver_task, outcome)| sliver_task.give_up(outcome));
    }

    /// Seals every sliver and returns those that are durable.
    pub(crate) async fn seal(&mut self) -> Vec<&SliverTask> {
        let seals = self.sliver_tasks.iter_mut().map(SliverTask::sealed);
        let outcomes = all_but_stragglers(seals, self.floor, STRAGGLER_WAIT, |sealed| *sealed).await;
        self.sliver_tasks.iter_mut().zip(outcomes).for_each(|(sliver_task, outcome)| sliver_task.give_up(outcome));
        self.sliver_tasks.iter().filter(|sliver_task| !sliver_task.lost).collect()
    }
}
