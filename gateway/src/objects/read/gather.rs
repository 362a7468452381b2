//! Gathers enough sealed bytes of some stripes, from whichever slivers arrive first.
//!
//! There is one loop for health and for failure: it starts with the data slivers that hold the wanted bytes, and
//! every failed, wrong or late answer starts the next sliver, until the wanted bytes are there or any k whole blocks
//! are, from which they can be reconstructed. What to do next is decided by `gather_plan`; here it is only done.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use backends::{SliverName, StoreError};
use bytes::BytesMut;
use codec::{Footer, SliverIdentity};
use futures::StreamExt as _;
use futures::future::{join_all, try_join};
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::domain::{Placement, StoredBlob};
use crate::objects::error::ObjectsError;
use crate::objects::read::gather_plan::{Failure, Gathering, Part, Prospect, Trust, Turn};
use crate::objects::read::opened_blob::OpenedBlob;
use crate::objects::state::Inner;

/// When reads are late of which nothing is known.
const LATE_AFTER: Duration = Duration::from_millis(100);

/// Sealed bytes of one sliver.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) index: u8,
    pub(crate) range: Range<u64>,
    pub(crate) bytes: BytesMut,
}

/// Which stripes are read, and how that stands.
pub(crate) struct Gather<'a> {
    inner: &'a Inner,
    opened: Arc<OpenedBlob>,
    /// The stripes the wanted bytes lie in.
    stripes: Range<u32>,
    /// The wanted bytes: data slivers and the ranges in them. Empty when any k whole blocks will do.
    wanted: Vec<(u8, Range<u64>)>,
    plan: Gathering,
    got: Vec<Sealed>,
}

impl<'a> Gather<'a> {
    /// A gathering that has not begun.
    pub(crate) fn new(
        inner: &'a Inner,
        opened: Arc<OpenedBlob>,
        stripes: Range<u32>,
        wanted: Vec<(u8, Range<u64>)>,
        trust: Trust,
    ) -> Self {
        let scheme = opened.blob.layout.shape.scheme;
        let whole = opened.blob.layout.blocks_range(stripes.clone());
        let parts =
            wanted.iter().map(|(index, range)| (*index, if *range == whole { Part::Whole } else { Part::Wanted }));
        let is_placed = |index| opened.sliver(index).is_some();
        let plan = Gathering::new((scheme.n(), scheme.k()), trust, parts, is_placed);
        Self { inner, opened, stripes, wanted, plan, got: Vec::new() }
    }

    /// The blob as it was opened last.
    pub(crate) fn opened(&self) -> &OpenedBlob {
        &self.opened
    }

    /// Whole blocks of the stripes, within any sliver.
    pub(crate) fn whole(&self) -> Range<u64> {
        self.opened.blob.layout.blocks_range(self.stripes.clone())
    }

    /// The wanted ranges that these do not cover.
    pub(crate) fn lacking(&self, got: &[Sealed]) -> Vec<u8> {
        let has = |index: u8, range: &Range<u64>| got.iter().any(|sealed| sealed.covers(index, range));
        self.wanted.iter().filter(|(index, range)| !has(*index, range)).map(|(index, _)| *index).collect()
    }

    /// Gathers either every wanted range, or whole blocks of k slivers.
    ///
    /// # Errors
    /// `Unavailable` when neither can be had.
    pub(crate) async fn run(&mut self) -> Result<(), ObjectsError> {
        let mut reads = FuturesUnordered::new();
        let mut late_after = self.late_after();
        loop {
            match self.plan.next(|index| prospect(&self.opened, index)) {
                Turn::Read(index, part) => reads.push(self.read(index, part)),
                Turn::Open => return Ok(()),
                Turn::Reopen => self.reopen().await,
                Turn::Probe => self.probe().await,
                Turn::GiveUp => return Err(self.too_few()),
                Turn::Wait { hedge } => tokio::select! {
                    Some((index, part, range, answer)) = reads.next() => self.answered(index, part, range, answer),
                    () = tokio::time::sleep(late_after), if hedge => {
                        self.mark_late();
                        late_after = late_after.saturating_mul(2).min(Duration::from_secs(10));
                    }
                    else => return Err(ObjectsError::Internal("a gathering waits for nothing".to_owned())),
                },
            }
        }
    }

    /// Notes that a chunk of what was handed over does not decrypt; `made`: its block was reconstructed.
    pub(crate) fn undecipherable(&mut self, index: u8, made: bool) {
        if !made {
            self.sliver_failed(index, &StoreError::Damaged { reason: "a chunk does not decrypt".into() });
            self.got.retain(|sealed| sealed.index != index);
        }
        self.plan.undecipherable(index, made);
    }

    /// What was gathered, to be decrypted in place. Proven blocks are kept as well: they are read once.
    pub(crate) fn hand_over(&mut self) -> Vec<Sealed> {
        match self.plan.trust() {
            Trust::Tags => std::mem::take(&mut self.got),
            Trust::Proofs => self.got.clone(),
        }
    }

    /// Reads one part of one sliver; proven, if blocks are to be.
    fn read(
        &self,
        index: u8,
        part: Part,
    ) -> impl Future<Output = (u8, Part, Range<u64>, Result<BytesMut, StoreError>)> + use<> {
        let sliver = self.opened.sliver(index).cloned();
        let blob = Arc::clone(&self.opened.blob);
        let wanted = self.wanted.iter().find(|(of, _)| part == Part::Wanted && *of == index);
        let range = wanted.map_or_else(|| self.whole(), |(_, range)| range.clone());
        let proof = (self.plan.trust() == Trust::Proofs).then(|| self.stripes.clone());
        let cluster = self.inner.id_generator.cluster;
        async move {
            let Some((backend, placement)) = sliver else { return (index, part, range, Err(StoreError::NotFound)) };
            let name = SliverName { blob: blob.id, index, attempt: placement.attempt };
            let asked = Instant::now();
            let mut answer = backend.store.read(&name, range.clone()).await;
            match &answer {
                Ok(bytes) if bytes.len() as u64 != range.end - range.start => {
                    answer = Err(StoreError::Damaged { reason: "it answered with another number of bytes".into() });
                }
                Ok(_) => backend.reads.record(asked.elapsed()),
                Err(error) => backend.read_failed(error),
            }
            if let (Ok(bytes), Some(stripes)) = (&answer, proof) {
                let identity = blob.sliver_identity(cluster, index);
                if let Err(error) = prove(&*backend.store, &name, &identity, &placement, stripes, bytes).await {
                    answer = Err(error);
                }
            }
            (index, part, range, answer)
        }
    }

    fn answered(&mut self, index: u8, part: Part, range: Range<u64>, answer: Result<BytesMut, StoreError>) {
        let outcome = match answer {
            Ok(bytes) => {
                self.got.push(Sealed { index, range, bytes });
                Ok(())
            }
            Err(error) => {
                self.sliver_failed(index, &error);
                Err(if error.is_about_backend() { Failure::Backend } else { Failure::Sliver })
            }
        };
        self.plan.answered(index, part, outcome);
    }

    /// Backends that answer late are passed over for a moment.
    fn mark_late(&mut self) {
        let opened = &self.opened;
        self.plan.late(|index| {
            if let Some((backend, _)) = opened.sliver(index) {
                backend.answered_late();
            }
        });
    }

    /// Reads the rows again, past every cache: repair may have moved slivers.
    async fn reopen(&mut self) {
        let id = self.opened.blob.id;
        self.inner.forget_blob(&id);
        let now = match self.inner.opened(&id).await {
            Ok(now) => now,
            Err(error) => {
                tracing::debug!(blob = %id, %error, "where its slivers are could not be read again");
                return;
            }
        };
        for index in now.indices() {
            let place = |opened: &OpenedBlob| opened.sliver(index).map(|(_, placement)| placement.clone());
            if place(&now) != place(&self.opened) {
                self.plan.moved(index);
            }
        }
        self.opened = now;
    }

    /// The last resort: asks the backends that failed as a whole whether they are back. What is known of them may be
    /// old, and without them there is nothing to answer.
    async fn probe(&mut self) {
        let probes = self.plan.refused().map(|index| {
            let sliver = self.opened.sliver(index);
            async move {
                match sliver {
                    Some((backend, _)) if backend.is_back().await => Some(index),
                    _ => None,
                }
            }
        });
        let back: Vec<u8> = join_all(probes).await.into_iter().flatten().collect();
        self.plan.probed(&back);
    }

    /// When the slowest of the wanted is late.
    fn late_after(&self) -> Duration {
        let late = |(index, _): &(u8, _)| self.opened.sliver(*index).map(|(backend, _)| backend.reads.late_after());
        self.wanted.iter().filter_map(late).max().unwrap_or(LATE_AFTER)
    }

    /// Records a sliver that cannot be used.
    fn sliver_failed(&self, index: u8, error: &StoreError) {
        if let Some((backend, placement)) = self.opened.sliver(index) {
            self.inner.sliver_failed(&self.opened.blob.id, backend, placement, error);
        }
    }

    fn too_few(&self) -> ObjectsError {
        let (id, k) = (self.opened.blob.id, self.opened.blob.layout.shape.scheme.k());
        if self.plan.is_hopeless() {
            return ObjectsError::Unavailable(format!("blob {id} cannot be decrypted from the slivers that answer"));
        }
        let whole = self.whole();
        let answer = self.got.iter().filter(|sealed| sealed.range == whole).count();
        ObjectsError::Unavailable(format!("blob {id}: {answer} slivers answer and {k} are needed"))
    }
}

impl Sealed {
    /// Whether these are bytes of this sliver, and all of the range.
    pub(crate) fn covers(&self, index: u8, range: &Range<u64>) -> bool {
        self.index == index && self.range.start <= range.start && range.end <= self.range.end
    }
}

fn prospect(opened: &OpenedBlob, index: u8) -> Prospect {
    let backend = opened.sliver(index).map(|(backend, _)| backend);
    backend.map_or(Prospect { troubled: true, mean_us: 0 }, |backend| Prospect {
        troubled: !backend.readable(),
        mean_us: backend.reads.mean_us(),
    })
}

/// Proves whole blocks against the root that SQL holds.
async fn prove(
    store: &dyn backends::SliverStore,
    name: &SliverName,
    identity: &SliverIdentity,
    placement: &Placement,
    stripes: Range<u32>,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let layout = identity.layout;
    let header = store.read(name, 0..codec::BlobLayout::header_len());
    let (header, footer) = try_join(header, store.read(name, layout.footer_range())).await?;
    let wrong = || StoreError::Damaged { reason: "its bytes do not match the root in the database".into() };
    let footer = Footer::parse(identity, &header, &footer, &placement.root).map_err(|_| wrong())?;
    let mut rest = bytes;
    for stripe in stripes {
        let (block, after) = rest.split_at_checked(layout.block_len(stripe)).ok_or_else(wrong)?;
        if !footer.block_is_genuine(stripe, block) {
            return Err(wrong());
        }
        rest = after;
    }
    Ok(())
}

/// Whole, proven blocks of any k slivers but `without`, for rebuilding slivers.
///
/// # Errors
/// `Unavailable` when fewer than k can be read.
pub(crate) async fn gather_blocks(
    inner: &Inner,
    blob: &StoredBlob,
    stripes: Range<u32>,
    without: &[u8],
) -> Result<Vec<(u8, BytesMut)>, ObjectsError> {
    let opened = Arc::new(inner.open_blob(Arc::new(blob.clone()))?);
    let mut gather = Gather::new(inner, opened, stripes, Vec::new(), Trust::Proofs);
    without.iter().for_each(|index| gather.plan.exclude(*index));
    gather.plan.without_rows();
    gather.run().await?;
    Ok(gather.got.into_iter().map(|sealed| (sealed.index, sealed.bytes)).collect())
}
