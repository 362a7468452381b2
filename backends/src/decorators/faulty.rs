//! A store with injected faults, for tests of its callers.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};

use super::faults::{Fault, Faults};
use crate::operation::Operation;
use crate::{
    Answer, Challenge, EpochNonce, Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space, StoreError,
    VerdictReport,
};

/// Slivers that are remembered to be served in place of others.
const REMEMBERED_MAX: usize = 4096;

/// Injects the faults of a [`Faults`] handle. Deterministic: the same operations meet the same faults.
#[derive(Debug)]
pub struct Faulty {
    store: Arc<dyn SliverStore>,
    faults: Faults,
    stored: Arc<Stored>,
}

/// The names of slivers that went through, oldest first.
#[derive(Debug, Default)]
struct Stored(Mutex<VecDeque<SliverName>>);

impl Stored {
    fn add(&self, name: SliverName) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() == REMEMBERED_MAX {
            names.pop_front();
        }
        names.push_back(name);
    }

    fn remove(&self, name: &SliverName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|stored| stored != name);
    }

    /// Another sliver than this one, by preference of the fault.
    fn other(&self, name: &SliverName, fault: Fault, faults: &Faults) -> Option<SliverName> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pick = |fits: &dyn Fn(&SliverName) -> bool| {
            let fitting: Vec<_> = names.iter().filter(|other| *other != name && fits(other)).collect();
            if fitting.is_empty() { None } else { fitting.get(faults.roll(fitting.len())).map(|name| **name) }
        };
        if fault == Fault::Swapped {
            return pick(&|_| true);
        }
        pick(&|other| other.blob == name.blob && other.index == name.index).or_else(|| pick(&|o| o.index == name.index))
    }
}

impl Faulty {
    /// Puts faults between a store and its users.
    #[must_use]
    pub fn new(store: Arc<dyn SliverStore>, faults: Faults) -> Self {
        Self { store, faults, stored: Arc::default() }
    }

    /// The faults that other stores' bytes bring about.
    async fn read_other(
        &self,
        fault: Fault,
        name: &SliverName,
        range: Range<u64>,
    ) -> Result<Option<BytesMut>, StoreError> {
        let Some(other) = self.stored.other(name, fault, &self.faults) else { return Ok(None) };
        let len = self.store.len(&other).await?;
        if range.end <= len {
            return self.store.read(&other, range).await.map(Some);
        }
        // A shorter one is repeated until it is long enough: as many wrong bytes as were asked for.
        let whole = self.store.read(&other, 0..len).await?;
        let skip = usize::try_from(range.start.checked_rem(len).unwrap_or_default()).unwrap_or_default();
        let take = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or_default();
        Ok(Some(whole.iter().copied().cycle().skip(skip).take(take).collect()))
    }
}

/// Faults that come before the operation; the others are left to it.
async fn before(faults: &Faults, operation: Operation) -> Result<Option<Fault>, StoreError> {
    match faults.next_fault(operation) {
        Some(Fault::Down) => Err(broken("down")),
        Some(Fault::Full) => Err(StoreError::Full),
        Some(Fault::Io) => Err(StoreError::damaged("injected I/O error")),
        Some(Fault::Hang) => {
            faults.cleared().await;
            Ok(None)
        }
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            Ok(None)
        }
        other => Ok(other),
    }
}

/// For operations without bytes: a reset loses the answer, not the effect.
async fn plain<T>(
    faults: &Faults,
    operation: Operation,
    work: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let fault = before(faults, operation).await?;
    let done = work.await?;
    if fault == Some(Fault::Reset) { Err(broken("reset")) } else { Ok(done) }
}

fn broken(how: &str) -> StoreError {
    StoreError::unavailable(format!("injected: {how}"))
}

/// What reaches the store of bytes that are written under a fault.
fn spoil(faults: &Faults, fault: Option<Fault>, bytes: Bytes) -> Bytes {
    match fault {
        Some(Fault::Short | Fault::Reset) => bytes.slice(..bytes.len() / 2),
        Some(Fault::Flipped) => {
            let mut bytes = BytesMut::from(bytes);
            flip(faults, &mut bytes);
            bytes.freeze()
        }
        _ => bytes,
    }
}

fn flip(faults: &Faults, bytes: &mut [u8]) {
    let bit = faults.roll(bytes.len().saturating_mul(8));
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverStore for Faulty {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        let writer = plain(&self.faults, Operation::Create, self.store.create(name)).await?;
        let (faults, stored) = (self.faults.clone(), Arc::clone(&self.stored));
        Ok(Box::new(FaultyWriter { writer, name: *name, faults, stored }))
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        let fault = before(&self.faults, Operation::Put).await?;
        if matches!(fault, None | Some(Fault::Stale | Fault::Swapped)) {
            self.store.put(name, parts).await?;
            self.stored.add(*name);
            return Ok(());
        }
        let whole = spoil(&self.faults, fault, Bytes::from(parts.concat()));
        if fault == Some(Fault::Reset) {
            let mut writer = self.store.create(name).await?;
            writer.write(whole).await?;
            writer.abort().await;
            return Err(broken("reset"));
        }
        self.store.put(name, vec![whole]).await?;
        self.stored.add(*name);
        Ok(())
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        let fault = before(&self.faults, Operation::Read).await?;
        if let Some(fault @ (Fault::Stale | Fault::Swapped)) = fault
            && let Some(other) = self.read_other(fault, name, range.clone()).await?
        {
            return Ok(other);
        }
        let mut read = self.store.read(name, range).await?;
        match fault {
            Some(Fault::Reset) => return Err(broken("reset")),
            Some(Fault::Short) => read.truncate(read.len() / 2),
            Some(Fault::Flipped) => flip(&self.faults, &mut read),
            _ => {}
        }
        Ok(read)
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        let fault = before(&self.faults, Operation::Len).await?;
        let len = self.store.len(name).await?;
        match fault {
            Some(Fault::Reset) => Err(broken("reset")),
            Some(Fault::Short) => Ok(len / 2),
            _ => Ok(len),
        }
    }

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        let fault = before(&self.faults, Operation::Prove).await?;
        let other = match fault {
            Some(fault @ (Fault::Stale | Fault::Swapped)) => self.stored.other(name, fault, &self.faults),
            _ => None,
        };
        let mut answer = self.store.prove(&other.unwrap_or(*name), challenge).await?;
        match fault {
            Some(Fault::Reset) => return Err(broken("reset")),
            Some(Fault::Short | Fault::Flipped) => answer.proof = spoil(&self.faults, fault, answer.proof),
            _ => {}
        }
        Ok(answer)
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        let removed = async {
            self.store.delete(name).await?;
            self.stored.remove(name);
            Ok(())
        };
        plain(&self.faults, Operation::Delete, removed).await
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        let removed = async {
            self.store.trash(name).await?;
            self.stored.remove(name);
            Ok(())
        };
        plain(&self.faults, Operation::Trash, removed).await
    }

    /// A reset comes after the first sliver; a short list ends there without a word.
    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        stream::once(async move {
            match before(&self.faults, Operation::List).await {
                Err(error) => stream::iter([Err(error)]).boxed(),
                Ok(Some(Fault::Short)) => self.store.list().take(1).boxed(),
                Ok(Some(Fault::Reset)) => self.store.list().take(1).chain(stream::iter([Err(broken("reset"))])).boxed(),
                Ok(_) => self.store.list(),
            }
        })
        .flatten()
        .boxed()
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        plain(&self.faults, Operation::Probe, self.store.probe()).await
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        plain(&self.faults, Operation::Pulse, self.store.pulse()).await
    }

    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        plain(&self.faults, Operation::Beat, self.store.beat(heartbeat)).await
    }

    fn require_generation(&self, generation: u64) {
        self.store.require_generation(generation);
    }

    async fn begin_epoch(&self, epoch: u64, commitment: [u8; 32]) -> Result<Option<EpochNonce>, StoreError> {
        plain(&self.faults, Operation::BeginEpoch, self.store.begin_epoch(epoch, commitment)).await
    }

    async fn reveal_epoch(&self, epoch: u64, secret: [u8; 32]) -> Result<(), StoreError> {
        plain(&self.faults, Operation::RevealEpoch, self.store.reveal_epoch(epoch, secret)).await
    }

    async fn report_verdicts(&self, reports: &[VerdictReport]) -> Result<(), StoreError> {
        plain(&self.faults, Operation::ReportVerdicts, self.store.report_verdicts(reports)).await
    }

    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError> {
        plain(&self.faults, Operation::Sweep, self.store.sweep(trash_seconds)).await
    }
}

struct FaultyWriter {
    writer: Box<dyn SliverWriter>,
    name: SliverName,
    faults: Faults,
    stored: Arc<Stored>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverWriter for FaultyWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let fault = before(&self.faults, Operation::Write).await?;
        self.writer.write(spoil(&self.faults, fault, bytes)).await?;
        if fault == Some(Fault::Reset) { Err(broken("reset")) } else { Ok(()) }
    }

    /// One operation, one fault. Only a fault that spoils bytes needs them in one piece.
    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        let fault = before(&self.faults, Operation::Write).await?;
        let parts = match fault {
            Some(Fault::Short | Fault::Reset | Fault::Flipped) => {
                vec![spoil(&self.faults, fault, Bytes::from(parts.concat()))]
            }
            _ => parts,
        };
        self.writer.write_parts(parts).await?;
        if fault == Some(Fault::Reset) { Err(broken("reset")) } else { Ok(()) }
    }

    async fn seal(self: Box<Self>) -> Result<(), StoreError> {
        let Self { writer, name, faults, stored } = *self;
        let sealed = async {
            writer.seal().await?;
            stored.add(name);
            Ok(())
        };
        plain(&faults, Operation::Seal, sealed).await
    }

    async fn abort(self: Box<Self>) {
        let Self { writer, faults, .. } = *self;
        let aborted = async {
            writer.abort().await;
            Ok(())
        };
        let _ = plain(&faults, Operation::Abort, aborted).await;
    }
}
