//! What lives in each blob while a plan is made.

use std::collections::BTreeMap;

use codec::BlobId;

use crate::domain::{BlobLengths, Extent};
use crate::metadata::commit::change::NewBlob;
use crate::metadata::commit::facts::{BlobFact, Facts};
use crate::metadata::error::{MetadataError, Result};

/// Counts the bytes that extents bring to blobs and take from them.
pub(super) struct Balance<'a> {
    facts: &'a Facts,
    new: BTreeMap<BlobId, &'a NewBlob>,
    /// Ascending, like everything that is locked or written: one order for every gateway.
    deltas: BTreeMap<BlobId, i128>,
}

/// What lives in a blob in the end.
pub(super) struct End<'a> {
    pub id: BlobId,
    /// The blob, if it comes with this transaction.
    pub new: Option<&'a NewBlob>,
    pub live_bytes: u64,
}

impl<'a> Balance<'a> {
    pub(super) fn new(facts: &'a Facts) -> Self {
        Self { facts, new: BTreeMap::new(), deltas: BTreeMap::new() }
    }

    /// Blobs that come with this transaction, if anything comes to live in them. Those whose changes are all refused do not:
    /// whoever wrote their slivers gets that answer and deletes them.
    pub(super) fn bring(&mut self, blobs: &'a [NewBlob]) {
        for new in blobs {
            self.new.insert(new.blob.id, new);
        }
    }

    /// Whether all extents lie in blobs that can be referenced: new ones, or old ones in which something lives. A dead
    /// blob never comes back.
    pub(super) fn can_hold(&self, extents: &[Extent]) -> Result<bool> {
        for extent in extents {
            let Some((fact, new)) = self.blob(extent.blob) else { return Ok(false) };
            let end = extent.offset.checked_add(extent.length);
            if extent.length == 0 || end.is_none_or(|end| end > fact.content_len) {
                return Err(MetadataError::Damaged(format!("an extent leaves blob {}", extent.blob)));
            }
            if !new && fact.live_bytes == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The share of their blobs' slivers that extents account for, each rounded up.
    pub(super) fn encoded(&self, extents: &[Extent]) -> Result<u64> {
        let mut sum = 0_u64;
        for extent in extents {
            let (fact, _) = self.blob(extent.blob).ok_or_else(|| unknown(extent.blob))?;
            let lengths = BlobLengths { content: fact.content_len, encoded: fact.encoded_len };
            sum = sum.saturating_add(lengths.encoded_share(extent.length).unwrap_or(u64::MAX));
        }
        Ok(sum)
    }

    /// The part of that in blobs that come with this transaction: what was encoded for it, where it is no copy of what was there.
    pub(super) fn newly_encoded(&self, extents: &[Extent]) -> Result<u64> {
        let new = extents.iter().filter(|extent| self.new.contains_key(&extent.blob));
        self.encoded(&new.copied().collect::<Vec<_>>())
    }

    /// Extents begin to live.
    pub(super) fn add(&mut self, extents: &[Extent]) {
        for extent in extents {
            *self.deltas.entry(extent.blob).or_insert(0) += i128::from(extent.length);
        }
    }

    /// Extents cease to live.
    ///
    /// # Errors
    /// When a blob is not there.
    pub(super) fn take(&mut self, extents: &[Extent]) -> Result<()> {
        for extent in extents {
            self.blob(extent.blob).ok_or_else(|| unknown(extent.blob))?;
            *self.deltas.entry(extent.blob).or_insert(0) -= i128::from(extent.length);
        }
        Ok(())
    }

    /// Extents get another owner: what is handed over here is added as well. Their blobs need not be known.
    pub(super) fn hand_over(&mut self, extents: &[Extent]) {
        for extent in extents {
            *self.deltas.entry(extent.blob).or_insert(0) -= i128::from(extent.length);
        }
    }

    /// What lives in every new blob in which anything came to live, and in every old one where that has changed, ascending by id.
    ///
    /// # Errors
    /// When more was taken from a blob than lived in it.
    pub(super) fn close(self) -> Result<Vec<End<'a>>> {
        let mut ends = Vec::with_capacity(self.deltas.len());
        for (id, delta) in self.deltas {
            let new = self.new.get(&id).copied();
            if new.is_none() && delta == 0 {
                continue;
            }
            let before = self.facts.blobs.get(&id).map_or(0, |fact| fact.live_bytes);
            let live_bytes = u64::try_from(i128::from(before) + delta)
                .map_err(|_| MetadataError::Damaged(format!("more of blob {id} is released than lives in it")))?;
            ends.push(End { id, new, live_bytes });
        }
        Ok(ends)
    }

    /// A blob, and whether it comes with this transaction.
    fn blob(&self, id: BlobId) -> Option<(BlobFact, bool)> {
        let new = self.new.get(&id).map(|new| {
            let layout = &new.blob.layout;
            (BlobFact { live_bytes: 0, content_len: layout.content_len, encoded_len: layout.encoded_len() }, true)
        });
        new.or_else(|| self.facts.blobs.get(&id).map(|fact| (*fact, false)))
    }
}

fn unknown(id: BlobId) -> MetadataError {
    MetadataError::Damaged(format!("an extent lies in blob {id}, which is not there"))
}
