//! Which snapshot and which segments a database is rebuilt from.

use std::collections::BTreeMap;

use codec::{BlobId, ClusterId, ClusterKey};
use futures::StreamExt as _;

use crate::journal::chain::{Chain, FoundSegment, chain};
use crate::journal::record::{JournalEnd, RecordError, RecordHeader, read_record};
use crate::journal::whole::{WholeSegment, whole_segments};
use crate::recover::blob::read_blob;
use crate::recover::scan::Scan;
use crate::recover::sliver_source::{FoundSliver, SliverSource};

/// Blobs read at once.
const READS: usize = 8;

/// Reads blobs of the journal.
pub(super) struct RecordReader<'a> {
    pub(super) sources: &'a [SliverSource],
    pub(super) cluster: ClusterId,
    pub(super) key: &'a ClusterKey,
    /// Where their slivers are.
    pub(super) found: &'a Scan,
}

/// A snapshot whose parts are all there.
#[derive(Clone, Debug)]
pub(super) struct FoundSnapshot {
    pub(super) after: JournalEnd,
    pub(super) taken_at: i64,
    pub(super) included: Vec<i64>,
    /// Its blobs, in order.
    pub(super) parts: Vec<BlobId>,
}

/// A segment that is applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentBlob {
    pub(super) blob: BlobId,
    pub(super) whole: WholeSegment,
}

/// What there is to rebuild from.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) snapshot: FoundSnapshot,
    /// The segments after it, in order, but for those that end within a transaction.
    pub(super) segments: Vec<SegmentBlob>,
    pub(super) chain: Chain,
    /// Blobs of the journal that cannot be read, and why.
    pub(super) unreadable: BTreeMap<BlobId, String>,
}

/// A part of a snapshot, as its header says.
struct Part {
    number: u32,
    is_last: bool,
    blob: BlobId,
}

impl RecordReader<'_> {
    /// The content of a record.
    pub(super) async fn content(&self, id: BlobId) -> Result<Vec<u8>, String> {
        let found = self.slivers(&id);
        Ok(read_blob(self.sources, self.cluster, self.key, id, found, false).await?.content)
    }

    fn slivers(&self, id: &BlobId) -> &[FoundSliver] {
        self.found.blobs.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Which backends were listed and show no sliver of a record that cannot be read: with as many backends as slivers, they lost or withhold it.
    fn lacking(&self, id: &BlobId) -> String {
        let has = |place: usize| self.slivers(id).iter().any(|sliver| sliver.source == place);
        let listed = |id: &str| !self.found.unreachable.contains_key(id);
        let sources = self.sources.iter().enumerate().filter(|(place, _)| !has(*place));
        let names: Vec<_> = sources.map(|(_, source)| source.id.as_str()).filter(|id| listed(id)).collect();
        if names.is_empty() { String::new() } else { format!("; none of it is on {}", names.join(", ")) }
    }

    /// Reads all records and chooses the newest snapshot that is complete and, with `until`, not later than that.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn choose(&self, until: Option<i64>) -> Result<Sources, String> {
        let mut snapshots: BTreeMap<(JournalEndOrder, [u8; 16]), (FoundSnapshot, Vec<Part>)> = BTreeMap::new();
        let (mut segments, mut blobs, mut unreadable) = (Vec::new(), Vec::new(), BTreeMap::new());
        let heads = self.found.blobs.keys().map(|id| async { (*id, self.head(*id).await) });
        let mut heads = futures::stream::iter(heads).buffer_unordered(READS);
        while let Some((blob, head)) = heads.next().await {
            match head {
                Ok((RecordHeader::Segment { previous, until_at, continued, .. }, hash, bytes)) => {
                    segments.push(FoundSegment { previous, hash, until_at, bytes, continued });
                    blobs.push(blob);
                }
                Ok((RecordHeader::Snapshot { snapshot, part, is_last, after, taken_at, included, .. }, ..)) => {
                    if until.is_none_or(|until| taken_at <= until) {
                        let (_, parts) = snapshots.entry(((after.number, taken_at), snapshot)).or_insert_with(|| {
                            (FoundSnapshot { after, taken_at, included, parts: Vec::new() }, Vec::new())
                        });
                        parts.push(Part { number: part, is_last, blob });
                    }
                }
                Err(reason) => {
                    unreadable.insert(blob, format!("{reason}{}", self.lacking(&blob)));
                }
            }
        }
        let complete = snapshots.into_values().rev().find_map(|(found, parts)| complete(found, parts));
        let snapshot = complete.ok_or_else(|| {
            let until = until.map_or("", |_| " that is old enough");
            format!(
                "no complete snapshot of the metadata{until} was found; {} records cannot be read",
                unreadable.len()
            )
        })?;
        let chain = chain(snapshot.after, &segments);
        let whole = whole_segments(&chain.segments, &segments).into_iter();
        let segments = whole.map(|whole| SegmentBlob { blob: blobs[whole.place], whole }).collect();
        Ok(Sources { snapshot, segments, chain, unreadable })
    }

    /// The header and hash of a record, and its bytes.
    async fn head(&self, id: BlobId) -> Result<(RecordHeader, [u8; 32], u64), String> {
        let content = self.content(id).await?;
        let each = |_| Ok::<_, RecordError>(());
        let (header, hash) = read_record(&content, each).map_err(|error| error.to_string())?;
        Ok((header, hash, content.len() as u64))
    }
}

/// Number of the last segment, and time.
type JournalEndOrder = (u64, i64);

/// The snapshot with its parts in order, if all are there.
fn complete(mut found: FoundSnapshot, mut parts: Vec<Part>) -> Option<FoundSnapshot> {
    // A part that was written twice, by a gateway that was stopped, is the same twice.
    parts.sort_by_key(|part| (part.number, part.blob));
    parts.dedup_by_key(|part| part.number);
    let numbered = parts.iter().zip(0..).all(|(part, number)| part.number == number);
    let ended = parts.last().is_some_and(|last| last.is_last);
    found.parts = parts.into_iter().map(|part| part.blob).collect();
    (numbered && ended).then_some(found)
}
