//! Deadlines of operations on a backend.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time::timeout;

use crate::{
    Answer, Challenge, EpochNonce, Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space, StoreError,
    VerdictReport,
};

/// How long operations may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// An operation that moves few bytes, and the start of one that moves many.
    pub small: Duration,
    /// On top, time for the bytes: at least so many must move in a second.
    pub bytes_per_second_min: u32,
    /// A sweep, which walks over everything that lies around.
    pub sweep: Duration,
}

impl Default for Deadlines {
    /// 10 seconds, 1 MiB a second, 15 minutes.
    fn default() -> Self {
        Self { small: Duration::from_secs(10), bytes_per_second_min: 1 << 20, sweep: Duration::from_secs(15 * 60) }
    }
}

impl Deadlines {
    fn for_bytes(&self, bytes: u64) -> Duration {
        let milliseconds = bytes.saturating_mul(1000) / u64::from(self.bytes_per_second_min.max(1));
        self.small.saturating_add(Duration::from_millis(milliseconds))
    }
}

/// Gives up waiting with [`StoreError::TimedOut`]. What was begun may still happen.
#[derive(Debug)]
pub struct Deadline {
    store: Arc<dyn SliverStore>,
    deadlines: Deadlines,
}

impl Deadline {
    /// Puts deadlines on a store.
    #[must_use]
    pub fn new(store: Arc<dyn SliverStore>, deadlines: Deadlines) -> Self {
        Self { store, deadlines }
    }

    async fn small<T>(&self, work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
        within(self.deadlines.small, work).await
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
    timeout(limit, work).await.unwrap_or(Err(StoreError::TimedOut))
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverStore for Deadline {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        let writer = self.small(self.store.create(name)).await?;
        Ok(Box::new(DeadlineWriter { writer, deadlines: self.deadlines, written: 0 }))
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        within(self.deadlines.for_bytes(bytes), self.store.put(name, parts)).await
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        let bytes = range.end.saturating_sub(range.start);
        within(self.deadlines.for_bytes(bytes), self.store.read(name, range)).await
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        self.small(self.store.len(name)).await
    }

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        self.small(self.store.prove(name, challenge)).await
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        self.small(self.store.delete(name)).await
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        self.small(self.store.trash(name)).await
    }

    /// The deadline is for each next sliver; a list that timed out ends.
    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        let limit = self.deadlines.small;
        stream::unfold(Some(self.store.list()), move |list| async move {
            let mut list = list?;
            match timeout(limit, list.next()).await {
                Ok(next) => next.map(|entry| (entry, Some(list))),
                Err(_elapsed) => Some((Err(StoreError::TimedOut), None)),
            }
        })
        .boxed()
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        self.small(self.store.probe()).await
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        self.small(self.store.pulse()).await
    }

    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        self.small(self.store.beat(heartbeat)).await
    }

    fn require_generation(&self, generation: u64) {
        self.store.require_generation(generation);
    }

    async fn begin_epoch(&self, epoch: u64, commitment: [u8; 32]) -> Result<Option<EpochNonce>, StoreError> {
        self.small(self.store.begin_epoch(epoch, commitment)).await
    }

    async fn reveal_epoch(&self, epoch: u64, secret: [u8; 32]) -> Result<(), StoreError> {
        self.small(self.store.reveal_epoch(epoch, secret)).await
    }

    async fn report_verdicts(&self, reports: &[VerdictReport]) -> Result<(), StoreError> {
        self.small(self.store.report_verdicts(reports)).await
    }

    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError> {
        within(self.deadlines.sweep, self.store.sweep(trash_seconds)).await
    }
}

struct DeadlineWriter {
    writer: Box<dyn SliverWriter>,
    deadlines: Deadlines,
    written: u64,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverWriter for DeadlineWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.written += bytes.len() as u64;
        // A store may collect writes and send them all with this one.
        within(self.deadlines.for_bytes(self.written), self.writer.write(bytes)).await
    }

    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        self.written += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        within(self.deadlines.for_bytes(self.written), self.writer.write_parts(parts)).await
    }

    async fn seal(self: Box<Self>) -> Result<(), StoreError> {
        within(self.deadlines.for_bytes(self.written), self.writer.seal()).await
    }

    async fn abort(self: Box<Self>) {
        // An abort is best effort: what hangs is left to the next sweep.
        let _ = timeout(self.deadlines.small, self.writer.abort()).await;
    }
}
