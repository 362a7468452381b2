//! The findings that wait to be written.
//!
//! Reads must not wait for the database, nor make work for it: what they notice is gathered in memory, each sliver once in a
//! while, and one task writes it down, a bounded number in one transaction.

use std::time::Duration;

use codec::BlobId;
use tokio::sync::mpsc;

use crate::domain::Placement;
use crate::metadata::{Finding, MetadataError, MetadataStore};
use crate::objects::maintenance::noticed::SliverId;
use crate::objects::maintenance::throttle::Throttle;

/// Findings that wait to be written. One more is dropped: the next read notices it again.
const WAITING_MAX: usize = 4_096;

/// Findings written in one transaction.
const BATCH_MAX: usize = 256;

/// How long findings are gathered before they are written: clients' writes come between two batches.
const GATHER_FOR: Duration = Duration::from_millis(250);

/// What is wrong with which sliver.
type FindingKey = (SliverId, &'static str);

/// A sliver that was found missing or damaged.
struct Noted {
    blob: BlobId,
    placement: Placement,
    kind: &'static str,
}

impl Noted {
    fn key(&self) -> FindingKey {
        ((self.blob, self.placement.index, self.placement.attempt), self.kind)
    }
}

/// The findings of this gateway that are not written yet.
pub(crate) struct FindingQueue {
    filed: Throttle<FindingKey>,
    sender: mpsc::Sender<Noted>,
}

impl FindingQueue {
    /// An empty queue, and the task that writes what comes into it until the queue is dropped.
    pub(crate) fn start(metadata: MetadataStore, filed: Throttle<FindingKey>) -> Self {
        let (queue, receiver) = Self::new(filed.clone());
        tokio::spawn(write_batches(metadata, filed, receiver));
        queue
    }

    fn new(filed: Throttle<FindingKey>) -> (Self, mpsc::Receiver<Noted>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self { filed, sender }, receiver)
    }

    /// Files that a sliver is missing or damaged, once in a while for each; the row comes with a repair job.
    pub(crate) fn file(&self, blob: BlobId, placement: &Placement, kind: &'static str) {
        let noted = Noted { blob, placement: placement.clone(), kind };
        if self.filed.admits(noted.key())
            && let Err(error) = self.sender.try_send(noted)
        {
            self.filed.release(&error.into_inner().key());
        }
    }
}

async fn write_batches(metadata: MetadataStore, filed: Throttle<FindingKey>, mut receiver: mpsc::Receiver<Noted>) {
    while let Some(first) = receiver.recv().await {
        let mut batch = vec![first];
        gather(&mut receiver, &mut batch).await;
        if let Err(error) = record(&metadata, &batch).await {
            batch.iter().for_each(|noted| filed.release(&noted.key()));
            tracing::warn!(%error, "findings could not be recorded; the next reads will report them again");
        }
    }
}

/// Gathers what is found during [`GATHER_FOR`], up to [`BATCH_MAX`]; ends at once when nothing more can come.
async fn gather(receiver: &mut mpsc::Receiver<Noted>, batch: &mut Vec<Noted>) {
    let fill = async {
        while batch.len() < BATCH_MAX {
            if receiver.recv_many(batch, BATCH_MAX - batch.len()).await == 0 {
                return;
            }
        }
        std::future::pending().await
    };
    // That the time is over is how it usually ends.
    let _ = tokio::time::timeout(GATHER_FOR, fill).await;
}

/// Writes findings. What is said of a place that the sliver has left is of no use to anybody.
async fn record(metadata: &MetadataStore, batch: &[Noted]) -> Result<(), MetadataError> {
    let name = |noted: &Noted| {
        let Placement { index, backend, attempt, .. } = &noted.placement;
        (noted.blob, *index, *attempt, backend.clone())
    };
    let names: Vec<_> = batch.iter().map(name).collect();
    let placed = metadata.placed_slivers(&names).await?;
    let (mut findings, mut moved) = (Vec::new(), Vec::new());
    for (noted, placed) in batch.iter().zip(placed) {
        if placed {
            let Placement { index, backend, .. } = noted.placement.clone();
            findings.push(Finding { blob: noted.blob, index, backend, kind: noted.kind.to_owned() });
        } else {
            moved.push(noted.blob);
        }
    }
    moved.iter().for_each(|blob| metadata.forget_blob(blob));
    metadata.record_findings(findings).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sliver(attempt: u32) -> Placement {
        Placement { index: 0, backend: "b0".parse().expect("a name"), attempt, root: codec::Root([0; 32]) }
    }

    #[tokio::test]
    async fn a_sliver_is_filed_once_and_what_finds_no_room_is_filed_by_the_next_read() {
        let (queue, mut receiver) = FindingQueue::new(Throttle::new(65_536, Duration::from_secs(600)));
        let blob = BlobId([1; 16]);
        let all = u32::try_from(WAITING_MAX).expect("a few thousand");
        for attempt in (0..all).chain(0..=all) {
            queue.file(blob, &sliver(attempt), "missing");
        }
        assert_eq!(receiver.len(), WAITING_MAX, "each once, and no more than there is room for");
        let mut batch = Vec::new();
        gather(&mut receiver, &mut batch).await;
        assert_eq!(batch.len(), BATCH_MAX);
        queue.file(blob, &sliver(0), "missing");
        queue.file(blob, &sliver(all), "missing");
        assert_eq!(receiver.len(), WAITING_MAX - BATCH_MAX + 1, "the one that found no room");
    }
}
