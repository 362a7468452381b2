//! Collecting enough sealed bytes of some stripes, from whichever slivers answer first.
//!
//! There is one loop for health and for failure: it starts with the data slivers that hold the wanted bytes, and
//! every failed, wrong or late answer starts the next sliver, until the wanted bytes are there or any k whole blocks
//! are, from which they can be reconstructed.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use backends::{SliverName, StoreError};
use bytes::BytesMut;
use codec::{Footer, SliverIdentity};
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::ObjectsError;
use super::opened::OpenedBlob;
use super::state::Inner;
use crate::domain::{Placement, StoredBlob};

/// Sealed bytes of one sliver.
pub(crate) struct Sealed {
    pub(crate) index: u8,
    pub(crate) range: Range<u64>,
    pub(crate) bytes: BytesMut,
}

/// Which stripes are read, and what has been learned about their slivers.
pub(crate) struct Gather<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) opened: &'a OpenedBlob,
    /// The stripes the wanted bytes lie in.
    pub(crate) stripes: Range<u32>,
    /// The wanted bytes: data slivers and the ranges in them. Empty when any k whole blocks will do.
    pub(crate) wanted: Vec<(u8, Range<u64>)>,
    /// Slivers found wanting; they are not asked again.
    pub(crate) bad: Vec<u8>,
    /// Check every block against the root in SQL before it is used: something did not decrypt.
    pub(crate) careful: bool,
}

/// How a gathering stands.
#[derive(Default)]
struct Progress {
    got: Vec<Sealed>,
    /// Indices asked for anything.
    asked: Vec<u8>,
    /// Indices asked for their whole blocks and not known to be late.
    asked_whole: Vec<u8>,
    whole_mode: bool,
    /// Indices whose backend failed as a whole: it may be back.
    refused: Vec<u8>,
    knocked: bool,
}

impl Gather<'_> {
    /// Whole blocks of the stripes, within any sliver.
    pub(crate) fn whole(&self) -> Range<u64> {
        self.opened.blob.layout.blocks_range(self.stripes.clone())
    }

    /// Gathers either every wanted range, or whole blocks of k slivers.
    ///
    /// # Errors
    /// `Unavailable` when neither can be had.
    pub(crate) async fn run(&mut self) -> Result<Vec<Sealed>, ObjectsError> {
        let whole = self.whole();
        let k = self.opened.blob.layout.shape.scheme.k();
        let mut reads = FuturesUnordered::new();
        let mut progress = Progress { whole_mode: self.wanted.is_empty(), ..Progress::default() };
        for (index, range) in self.wanted.clone() {
            if self.bad.contains(&index) || self.opened.sliver(index).is_none_or(|(member, _)| !member.readable()) {
                progress.whole_mode = true;
                continue;
            }
            if range == whole {
                progress.asked_whole.push(index);
            }
            progress.asked.push(index);
            reads.push(self.read(index, range));
        }
        let mut late_after = self.late_after();
        loop {
            if progress.whole_mode {
                for index in self.candidates(&progress, k) {
                    progress.asked_whole.push(index);
                    progress.asked.push(index);
                    reads.push(self.read(index, whole.clone()));
                }
            }
            if reads.is_empty() {
                if self.knock(&mut progress).await {
                    continue;
                }
                return Err(self.too_few(&progress, k));
            }
            tokio::select! {
                Some((index, range, answer)) = reads.next() => match answer {
                    Ok(bytes) => {
                        progress.got.push(Sealed { index, range, bytes });
                        if self.complete(&progress, &whole, k) {
                            return Ok(progress.got);
                        }
                    }
                    Err(error) => {
                        self.sliver_failed(index, &error);
                        progress.refused.extend(error.is_about_backend().then_some(index));
                        progress.asked_whole.retain(|asked| *asked != index);
                        progress.whole_mode = true;
                    }
                },
                () = tokio::time::sleep(late_after) => {
                    self.mark_late(&mut progress);
                    late_after = late_after.saturating_mul(2).min(Duration::from_secs(10));
                }
            }
        }
    }

    /// Reads one range of one sliver; in careful mode whole blocks are proven before they count.
    fn read(
        &self,
        index: u8,
        range: Range<u64>,
    ) -> impl Future<Output = (u8, Range<u64>, Result<BytesMut, StoreError>)> + use<> {
        let sliver = self.opened.sliver(index).cloned();
        let blob = Arc::clone(&self.opened.blob);
        let proof = self.careful.then(|| self.stripes.clone()).filter(|_| range == self.whole());
        let cluster = self.inner.mint.cluster;
        async move {
            let Some((member, placement)) = sliver else { return (index, range, Err(StoreError::NotFound)) };
            let name = SliverName { blob: blob.id, index, attempt: placement.attempt };
            let asked = Instant::now();
            let mut answer = member.store.read(&name, range.clone()).await;
            match &answer {
                Ok(bytes) if bytes.len() as u64 != range.end - range.start => {
                    answer = Err(StoreError::Damaged { reason: "it answered with another number of bytes".into() });
                }
                Ok(_) => member.reads.record(asked.elapsed()),
                Err(error) => member.read_failed(error),
            }
            if let (Ok(bytes), Some(stripes)) = (&answer, proof) {
                let identity = identity(cluster, &blob, index);
                if let Err(error) = prove(&*member.store, &name, &identity, &placement, stripes, bytes).await {
                    answer = Err(error);
                }
            }
            (index, range, answer)
        }
    }

    /// The last resort, once: asks the backends that failed as a whole whether they are back. What is known of them
    /// may be old, and without them there is nothing to answer.
    async fn knock(&mut self, progress: &mut Progress) -> bool {
        if std::mem::replace(&mut progress.knocked, true) {
            return false;
        }
        let refused = std::mem::take(&mut progress.refused);
        let knocks = refused.iter().map(|index| async {
            let sliver = self.opened.sliver(*index);
            match sliver {
                Some((member, _)) if member.is_back().await => Some(*index),
                _ => None,
            }
        });
        let back: Vec<u8> = join_all(knocks).await.into_iter().flatten().collect();
        self.bad.retain(|index| !back.contains(index));
        progress.asked.retain(|index| !back.contains(index));
        progress.whole_mode = true;
        !back.is_empty()
    }

    /// What is still out is late: it may yet win, but it no longer counts on the way to k, and its backend is passed
    /// over for a moment.
    fn mark_late(&self, progress: &mut Progress) {
        let Progress { got, asked, asked_whole, .. } = progress;
        let out = |index: &u8| got.iter().all(|sealed| sealed.index != *index);
        for (member, _) in asked.iter().filter(|index| out(index)).filter_map(|index| self.opened.sliver(*index)) {
            member.answered_late();
        }
        asked_whole.retain(|index| !out(index));
        progress.whole_mode = true;
    }

    /// Slivers to ask next for whole blocks, so that k are held or on their way: those not known to be in trouble
    /// first, then data before parity, then fast before slow.
    fn candidates(&self, progress: &Progress, k: usize) -> Vec<u8> {
        let lacking = k.saturating_sub(progress.asked_whole.len());
        let fresh = |index: &u8| !self.bad.contains(index) && !progress.asked.contains(index);
        // A sliver that was asked for a small range only may be asked again for its whole blocks.
        let partly =
            |index: &u8| progress.got.iter().any(|s| s.index == *index) && !progress.asked_whole.contains(index);
        let mut free: Vec<u8> = self.opened.indices().filter(|i| fresh(i) || partly(i)).collect();
        free.sort_by_key(|index| {
            let member = self.opened.sliver(*index).map(|(member, _)| member);
            let (readable, mean) = member.map_or((false, 0), |member| (member.readable(), member.reads.mean_us()));
            (!readable, usize::from(*index) >= k, mean)
        });
        free.truncate(lacking);
        free
    }

    /// Whether what was gathered suffices.
    fn complete(&self, progress: &Progress, whole: &Range<u64>, k: usize) -> bool {
        let covers = |index: u8, range: &Range<u64>| {
            progress.got.iter().any(|s| s.index == index && s.range.start <= range.start && range.end <= s.range.end)
        };
        let direct = !self.wanted.is_empty() && self.wanted.iter().all(|(index, range)| covers(*index, range));
        direct || distinct_whole(&progress.got, whole).count() >= k
    }

    /// When the slowest of the asked is late.
    fn late_after(&self) -> Duration {
        let late = |(index, _): &(u8, _)| self.opened.sliver(*index).map(|(member, _)| member.reads.late_after());
        self.wanted.iter().filter_map(late).max().unwrap_or(Duration::from_millis(100))
    }

    /// Notes a sliver that cannot be used.
    pub(crate) fn sliver_failed(&mut self, index: u8, error: &StoreError) {
        self.bad.push(index);
        let Some((member, placement)) = self.opened.sliver(index) else { return };
        tracing::warn!(backend = %member.id, blob = %self.opened.blob.id, index, %error, "a sliver could not be read");
        let kind = match error {
            StoreError::NotFound => "missing",
            StoreError::Damaged { .. } => "damaged",
            _ => return,
        };
        self.inner.file_finding(self.opened.blob.id, placement, kind);
    }

    fn too_few(&self, progress: &Progress, k: usize) -> ObjectsError {
        let id = self.opened.blob.id;
        ObjectsError::Unavailable(format!("blob {id}: {} slivers answer and {k} are needed", progress.got.len()))
    }
}

/// Slivers whose whole blocks were gathered, each once.
pub(crate) fn distinct_whole<'a>(got: &'a [Sealed], whole: &'a Range<u64>) -> impl Iterator<Item = &'a Sealed> {
    let first = |at: usize, sealed: &Sealed| got[..at].iter().all(|s| s.index != sealed.index || s.range != *whole);
    got.iter().enumerate().filter(move |(at, s)| s.range == *whole && first(*at, s)).map(|(_, sealed)| sealed)
}

/// What a sliver of this blob must say of itself.
pub(crate) fn identity(cluster: codec::ClusterId, blob: &StoredBlob, index: u8) -> SliverIdentity {
    SliverIdentity { cluster, blob: blob.id, index, layout: blob.layout, wrapped_key: blob.wrapped_key }
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
    let header = store.read(name, 0..codec::BlobLayout::header_len()).await?;
    let footer = store.read(name, layout.footer_range()).await?;
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

/// Whole, proven blocks of any k slivers but `without`, for making slivers again.
///
/// # Errors
/// `Unavailable` when fewer than k can be read.
pub(crate) async fn gather_blocks(
    inner: &Inner,
    blob: &StoredBlob,
    stripes: Range<u32>,
    without: &[u8],
) -> Result<Vec<(u8, BytesMut)>, ObjectsError> {
    let opened = inner.open_blob(Arc::new(blob.clone()))?;
    let mut gather =
        Gather { inner, opened: &opened, stripes, wanted: Vec::new(), bad: without.to_vec(), careful: true };
    let whole = gather.whole();
    let got = gather.run().await?;
    let mut blocks: Vec<(u8, BytesMut)> = Vec::new();
    for sealed in got {
        if sealed.range == whole && blocks.iter().all(|(index, _)| *index != sealed.index) {
            blocks.push((sealed.index, sealed.bytes));
        }
    }
    blocks.truncate(blob.layout.shape.scheme.k());
    Ok(blocks)
}
