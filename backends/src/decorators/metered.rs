//! Metrics of a backend.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt};
use metrics::{Counter, Histogram};
use tokio::time::Instant;

use crate::operation::Operation;
use crate::{
    Answer, Challenge, EpochNonce, Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space, StoreError,
    VerdictReport,
};

/// Operations begun. Labels: backend, operation.
const OPERATIONS: &str = "haulout_backend_operations_total";
/// Operations that failed. Labels: backend, operation, kind ([`StoreError::kind`]).
const ERRORS: &str = "haulout_backend_errors_total";
/// Bytes moved. Labels: backend, direction (`written` or `read`).
const BYTES: &str = "haulout_backend_bytes_total";
/// Seconds that an operation took. Labels: backend, operation.
const SECONDS: &str = "haulout_backend_operation_seconds";

/// Counts operations, errors and bytes, and measures latency. The metrics recorder must be there before a store is
/// wrapped: the handles are made once.
#[derive(Debug)]
pub struct Metered {
    store: Arc<dyn SliverStore>,
    meters: Arc<Meters>,
}

struct Meters {
    backend: Arc<str>,
    operations: Vec<(Counter, Histogram)>,
    written: Counter,
    read: Counter,
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").field("backend", &self.backend).finish_non_exhaustive()
    }
}

impl Meters {
    fn new(backend: &str) -> Self {
        let backend: Arc<str> = backend.into();
        let per_operation = |operation: Operation| {
            let labels = [("backend", backend.to_string()), ("operation", operation.name().to_owned())];
            (metrics::counter!(OPERATIONS, &labels), metrics::histogram!(SECONDS, &labels))
        };
        let bytes = |direction| metrics::counter!(BYTES, "backend" => backend.to_string(), "direction" => direction);
        Self {
            operations: Operation::ALL.into_iter().map(per_operation).collect(),
            written: bytes("written"),
            read: bytes("read"),
            backend,
        }
    }

    async fn run<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let (count, seconds) = &self.operations[operation.number()];
        count.increment(1);
        let begin = Instant::now();
        let done = work.await;
        seconds.record(begin.elapsed());
        if let Err(error) = &done {
            self.failed(operation, error);
        }
        done
    }

    fn failed(&self, operation: Operation, error: &StoreError) {
        let backend = self.backend.to_string();
        metrics::counter!(ERRORS, "backend" => backend, "operation" => operation.name(), "kind" => error.kind())
            .increment(1);
    }
}

impl Metered {
    /// Measures a store under the name of its backend.
    #[must_use]
    pub fn new(store: Arc<dyn SliverStore>, backend: &str) -> Self {
        Self { store, meters: Arc::new(Meters::new(backend)) }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverStore for Metered {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        let writer = self.meters.run(Operation::Create, self.store.create(name)).await?;
        Ok(Box::new(MeteredWriter { writer, meters: Arc::clone(&self.meters) }))
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        self.meters.run(Operation::Put, self.store.put(name, parts)).await?;
        self.meters.written.increment(bytes);
        Ok(())
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        let read = self.meters.run(Operation::Read, self.store.read(name, range)).await?;
        self.meters.read.increment(read.len() as u64);
        Ok(read)
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        self.meters.run(Operation::Len, self.store.len(name)).await
    }

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        let answer = self.meters.run(Operation::Prove, self.store.prove(name, challenge)).await?;
        self.meters.read.increment(answer.proof.len() as u64);
        Ok(answer)
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        self.meters.run(Operation::Delete, self.store.delete(name)).await
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        self.meters.run(Operation::Trash, self.store.trash(name)).await
    }

    /// Counts the list and its errors; its duration is the reader's.
    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        self.meters.operations[Operation::List.number()].0.increment(1);
        let count = |entry: &Result<SliverEntry, StoreError>| {
            if let Err(error) = entry {
                self.meters.failed(Operation::List, error);
            }
        };
        self.store.list().inspect(count).boxed()
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        self.meters.run(Operation::Probe, self.store.probe()).await
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        self.meters.run(Operation::Pulse, self.store.pulse()).await
    }

    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        self.meters.run(Operation::Beat, self.store.beat(heartbeat)).await
    }

    fn require_generation(&self, generation: u64) {
        self.store.require_generation(generation);
    }

    async fn begin_epoch(&self, epoch: u64, commitment: [u8; 32]) -> Result<Option<EpochNonce>, StoreError> {
        self.meters.run(Operation::BeginEpoch, self.store.begin_epoch(epoch, commitment)).await
    }

    async fn reveal_epoch(&self, epoch: u64, secret: [u8; 32]) -> Result<(), StoreError> {
        self.meters.run(Operation::RevealEpoch, self.store.reveal_epoch(epoch, secret)).await
    }

    async fn report_verdicts(&self, reports: &[VerdictReport]) -> Result<(), StoreError> {
        self.meters.run(Operation::ReportVerdicts, self.store.report_verdicts(reports)).await
    }

    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError> {
        self.meters.run(Operation::Sweep, self.store.sweep(trash_seconds)).await
    }
}

struct MeteredWriter {
    writer: Box<dyn SliverWriter>,
    meters: Arc<Meters>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverWriter for MeteredWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let len = bytes.len() as u64;
        self.meters.run(Operation::Write, self.writer.write(bytes)).await?;
        self.meters.written.increment(len);
        Ok(())
    }

    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        self.meters.run(Operation::Write, self.writer.write_parts(parts)).await?;
        self.meters.written.increment(len);
        Ok(())
    }

    async fn seal(self: Box<Self>) -> Result<(), StoreError> {
        let Self { writer, meters } = *self;
        meters.run(Operation::Seal, writer.seal()).await
    }

    async fn abort(self: Box<Self>) {
        let Self { writer, meters } = *self;
        let aborted = async {
            writer.abort().await;
            Ok(())
        };
        let _ = meters.run(Operation::Abort, aborted).await;
    }
}
