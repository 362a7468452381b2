//! The circuit breaker: operations on a backend that is down fail at once.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};
use metrics::Gauge;
use tokio::time::Instant;

use super::circuit::{Admission, Circuit, CircuitPolicy};
use crate::{
    Answer, Challenge, EpochNonce, Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space, StoreError,
    VerdictReport,
};

/// 1 while a backend's circuit is not closed. Label: backend.
const OPEN: &str = "haulout_backend_circuit_open";

/// Refuses operations at once while the backend is known to be down ([`StoreError::is_about_backend`]).
///
/// [`SliverStore::probe`], [`SliverStore::pulse`] and [`SliverWriter::abort`] always go through: a probe is how everybody
/// finds out.
#[derive(Debug)]
pub struct Breaker {
    store: Arc<dyn SliverStore>,
    switch: Arc<Switch>,
}

struct Switch {
    backend: String,
    circuit: Mutex<Circuit>,
    open: Gauge,
}

impl std::fmt::Debug for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Switch").field("backend", &self.backend).field("circuit", &self.circuit).finish_non_exhaustive()
    }
}

/// An operation under way. Dropped without an outcome, it is an abandoned one.
struct Permit<'a> {
    switch: &'a Switch,
    trial: bool,
}

impl Switch {
    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self) -> Result<Permit<'_>, StoreError> {
        match self.circuit().admit(Instant::now()) {
            Admission::Pass => Ok(Permit { switch: self, trial: false }),
            Admission::Trial => Ok(Permit { switch: self, trial: true }),
            Admission::Refused => Err(StoreError::unavailable("the circuit breaker is open after recent failures")),
        }
    }

    async fn run<T>(&self, work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
        let permit = self.admit()?;
        let done = work.await;
        permit.ended(done.as_ref().err());
        done
    }

    /// For work that a store may defer: its success does not prove that the backend works.
    async fn run_early<T>(&self, work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
        let permit = self.admit()?;
        let done = work.await;
        if let Err(error) = &done {
            permit.ended(Some(error));
        }
        done
    }
}

impl Permit<'_> {
    fn ended(mut self, error: Option<&StoreError>) {
        self.trial = false;
        let mut circuit = self.switch.circuit();
        let was_closed = circuit.is_closed();
        match error {
            Some(error) if error.is_about_backend() => circuit.failed(Instant::now()),
            _ => circuit.succeeded(),
        }
        let is_closed = circuit.is_closed();
        drop(circuit);
        if was_closed != is_closed {
            self.switch.open.set(if is_closed { 0.0 } else { 1.0 });
            let error = error.map(ToString::to_string).unwrap_or_default();
            tracing::warn!(backend = self.switch.backend, usable = is_closed, error, "circuit breaker state changed");
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.switch.circuit().abandoned(Instant::now());
        }
    }
}

impl Breaker {
    /// Puts a breaker before a store.
    #[must_use]
    pub fn new(store: Arc<dyn SliverStore>, backend: &str, policy: CircuitPolicy) -> Self {
        let open = metrics::gauge!(OPEN, "backend" => backend.to_owned());
        open.set(0.0);
        let circuit = Mutex::new(Circuit::new(policy));
        Self { store, switch: Arc::new(Switch { backend: backend.to_owned(), circuit, open }) }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverStore for Breaker {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        let writer = self.switch.run_early(self.store.create(name)).await?;
        Ok(Box::new(BreakerWriter { writer, switch: Arc::clone(&self.switch) }))
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        self.switch.run(self.store.put(name, parts)).await
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        self.switch.run(self.store.read(name, range)).await
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        self.switch.run(self.store.len(name)).await
    }

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        self.switch.run(self.store.prove(name, challenge)).await
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        self.switch.run(self.store.delete(name)).await
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        self.switch.run(self.store.trash(name)).await
    }

    /// A list that yields a sliver, or ends well, has succeeded.
    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        enum Stage<'a> {
            Before(BoxStream<'a, Result<SliverEntry, StoreError>>),
            Within(BoxStream<'a, Result<SliverEntry, StoreError>>),
            After,
        }
        stream::unfold(Stage::Before(self.store.list()), move |stage| async move {
            let (mut list, first) = match stage {
                Stage::Before(list) => (list, true),
                Stage::Within(list) => (list, false),
                Stage::After => return None,
            };
            if !first {
                return list.next().await.map(|entry| (entry, Stage::Within(list)));
            }
            let permit = match self.switch.admit() {
                Ok(permit) => permit,
                Err(refused) => return Some((Err(refused), Stage::After)),
            };
            let entry = list.next().await;
            permit.ended(entry.as_ref().and_then(|entry| entry.as_ref().err()));
            entry.map(|entry| (entry, Stage::Within(list)))
        })
        .boxed()
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        let permit = Permit { switch: &self.switch, trial: false };
        let done = self.store.probe().await;
        permit.ended(done.as_ref().err());
        done
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        let permit = Permit { switch: &self.switch, trial: false };
        let done = self.store.pulse().await;
        // An earlier generation shows its pulse and refuses all else: that it answers does not make it usable.
        if let Err(error) = &done {
            permit.ended(Some(error));
        }
        done
    }

    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        self.switch.run(self.store.beat(heartbeat)).await
    }

    fn require_generation(&self, generation: u64) {
        self.store.require_generation(generation);
    }

    async fn begin_epoch(&self, epoch: u64, commitment: [u8; 32]) -> Result<Option<EpochNonce>, StoreError> {
        self.switch.run(self.store.begin_epoch(epoch, commitment)).await
    }

    async fn reveal_epoch(&self, epoch: u64, secret: [u8; 32]) -> Result<(), StoreError> {
        self.switch.run(self.store.reveal_epoch(epoch, secret)).await
    }

    async fn report_verdicts(&self, reports: &[VerdictReport]) -> Result<(), StoreError> {
        self.switch.run(self.store.report_verdicts(reports)).await
    }

    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError> {
        self.switch.run(self.store.sweep(trash_seconds)).await
    }
}

struct BreakerWriter {
    writer: Box<dyn SliverWriter>,
    switch: Arc<Switch>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverWriter for BreakerWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.switch.run_early(self.writer.write(bytes)).await
    }

    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        self.switch.run_early(self.writer.write_parts(parts)).await
    }

    async fn seal(self: Box<Self>) -> Result<(), StoreError> {
        let Self { writer, switch } = *self;
        switch.run(writer.seal()).await
    }

    async fn abort(self: Box<Self>) {
        self.writer.abort().await;
    }
}
