//! A disk as a gateway reaches it: behind gates, and behind the fault injector, which makes the fault with which a gate opens.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use backends::{
    Answer, Challenge, EpochNonce, Faults, Faulty, Operation, Pulse, SliverEntry, SliverName, SliverStore,
    SliverWriter, Space, StoreError, VerdictReport, When,
};
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::tests::simulation::disk::Disk;
use crate::tests::simulation::gates::{Gates, Pass, Place};

/// One gateway's way to one disk.
#[derive(Clone, Debug)]
pub(super) struct Gated {
    store: Arc<Faulty>,
    passage: Passage,
}

/// What an operation goes through.
#[derive(Clone, Debug)]
struct Passage {
    gates: Gates,
    gateway: usize,
    disk: usize,
    faults: Faults,
}

impl Gated {
    pub(super) fn new(gates: &Gates, gateway: usize, disk: usize, store: &Disk, seed: u64) -> Self {
        let faults = Faults::new(seed);
        let store = Arc::new(Faulty::new(Arc::new(store.clone()), faults.clone()));
        Self { store, passage: Passage { gates: gates.clone(), gateway, disk, faults } }
    }
}

impl Passage {
    /// An operation that changes nothing.
    async fn look<T>(&self, operation: Operation, work: impl Future<Output = T> + Send) -> T {
        let pass = self.gates.pass(self.gateway, Place::Asked(self.disk, operation)).await;
        // The operations of a disk end when they are polled first, so that no other meets this fault.
        if let Pass::Meets(fault) = pass {
            self.faults.set(&[operation], fault, When::First(1));
        }
        let done = work.await;
        self.faults.clear();
        done
    }

    /// One that changes something: its effect is there before its reply.
    async fn change<T>(&self, operation: Operation, work: impl Future<Output = T> + Send) -> T {
        let done = self.look(operation, work).await;
        self.gates.pass(self.gateway, Place::Replied(self.disk, operation)).await;
        done
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverStore for Gated {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        let writer = self.passage.look(Operation::Create, self.store.create(name)).await?;
        Ok(Box::new(GatedWriter { writer, passage: self.passage.clone() }))
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        self.passage.change(Operation::Put, self.store.put(name, parts)).await
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        self.passage.look(Operation::Read, self.store.read(name, range)).await
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        self.passage.look(Operation::Len, self.store.len(name)).await
    }

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        self.passage.look(Operation::Prove, self.store.prove(name, challenge)).await
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        self.passage.change(Operation::Delete, self.store.delete(name)).await
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        self.passage.change(Operation::Trash, self.store.trash(name)).await
    }

    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        let entries = async { self.passage.look(Operation::List, self.store.list().collect::<Vec<_>>()).await };
        stream::once(entries).map(stream::iter).flatten().boxed()
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        self.passage.look(Operation::Probe, self.store.probe()).await
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        self.passage.look(Operation::Pulse, self.store.pulse()).await
    }

    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        self.passage.change(Operation::Beat, self.store.beat(heartbeat)).await
    }

    fn require_generation(&self, generation: u64) {
        self.store.require_generation(generation);
    }

    async fn begin_epoch(&self, epoch: u64, commitment: [u8; 32]) -> Result<Option<EpochNonce>, StoreError> {
        self.passage.look(Operation::BeginEpoch, self.store.begin_epoch(epoch, commitment)).await
    }

    async fn reveal_epoch(&self, epoch: u64, secret: [u8; 32]) -> Result<(), StoreError> {
        self.passage.look(Operation::RevealEpoch, self.store.reveal_epoch(epoch, secret)).await
    }

    async fn report_verdicts(&self, reports: &[VerdictReport]) -> Result<(), StoreError> {
        self.passage.look(Operation::ReportVerdicts, self.store.report_verdicts(reports)).await
    }

    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError> {
        self.passage.change(Operation::Sweep, self.store.sweep(trash_seconds)).await
    }
}

struct GatedWriter {
    writer: Box<dyn SliverWriter>,
    passage: Passage,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverWriter for GatedWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.passage.look(Operation::Write, self.writer.write(bytes)).await
    }

    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        self.passage.look(Operation::Write, self.writer.write_parts(parts)).await
    }

    async fn seal(self: Box<Self>) -> Result<(), StoreError> {
        let Self { writer, passage } = *self;
        passage.change(Operation::Seal, writer.seal()).await
    }

    async fn abort(self: Box<Self>) {
        let Self { writer, passage } = *self;
        passage.look(Operation::Abort, writer.abort()).await;
    }
}

#[tokio::test]
async fn a_disk_behind_open_gates_is_a_store_like_others() {
    let (gates, disk) = (Gates::default(), Disk::new(&Arc::default()));
    gates.keep_open(true);
    backends::conformance::run(Arc::new(Gated::new(&gates, 0, 0, &disk, 1))).await;
}
