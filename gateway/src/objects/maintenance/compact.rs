//! Compaction: live extents of sparse quilts are moved to new quilts.

use std::collections::HashSet;

use codec::{BlobId, Catalog, CatalogEntry, CatalogExtent};

use crate::domain::{Extent, StoredBlob};
use crate::metadata::{ExtentMove, NewBlob, SparseBlob};
use crate::objects::Objects;
use crate::objects::error::{ObjectsError, fail_at};
use crate::objects::read::fetch::fetch_range;
use crate::objects::schemes::BlobTerms;
use crate::objects::write::publish::publish;
use crate::objects::write::quilter::quilt_shape;
use crate::objects::write::uncommitted::UncommittedSlivers;

/// How long another gateway leaves a quilt to the one that has claimed it, in seconds: as long as one that could not be compacted
/// is left by the same.
pub(super) const CLAIM_SECONDS: i64 = 600;

/// Quilts compacted in one step. What lives of them is less than half of each.
const QUILTS_PER_STEP: usize = 16;

impl Objects {
    /// Moves the living extents of sparse quilts into one new quilt and lets the old ones die. Returns of how many quilts
    /// something was moved; zero means there is no more to do now, or nothing may be moved.
    ///
    /// An extent that changed meanwhile is not moved: the transaction compares. A step that moved nothing is no progress, however
    /// much was read for it. A quilt that cannot be read is left for some time, and those behind it are compacted.
    ///
    /// # Errors
    /// `Unavailable` when the database or too many backends are away.
    pub async fn compact(&self) -> Result<usize, ObjectsError> {
        if self.rollback_hold().await?.is_some() {
            return Ok(0);
        }
        let mut after = None;
        loop {
            let page = self.inner.metadata.sparse_quilts(after, QUILTS_PER_STEP).await?;
            let Some(last) = page.last() else { return Ok(0) };
            after = Some(last.blob.id);
            // Each time at least one more of them has been tried.
            for _ in 0..page.len() {
                match self.compact_some(page.clone()).await? {
                    None => break,
                    Some(0) => {}
                    Some(emptied) => return Ok(emptied),
                }
            }
        }
    }

    /// Compacts those of these quilts that go together; of how many something was moved. None when all were tried lately.
    async fn compact_some(&self, mut sparse: Vec<SparseBlob>) -> Result<Option<usize>, ObjectsError> {
        let tried = &self.inner.noticed.compacted;
        sparse.retain(|quilt| !tried.has_passed(&quilt.blob.id));
        let Some(terms) = self.keep_alike(&mut sparse).await? else { return Ok(None) };
        let mut bytes = 0;
        sparse.retain(|quilt| {
            bytes += living_bytes(std::slice::from_ref(quilt));
            bytes <= self.inner.settings.objects.quilt_bytes_max
        });
        if sparse.is_empty() {
            return Ok(None);
        }
        let ids: Vec<BlobId> = sparse.iter().map(|quilt| quilt.blob.id).collect();
        let claimed = self.inner.metadata.claim_compactions(ids.clone(), CLAIM_SECONDS).await?;
        // What another gateway is compacting is left to it.
        for id in ids.iter().filter(|id| !claimed.contains(id)) {
            tried.admits(*id);
        }
        sparse.retain(|quilt| claimed.contains(&quilt.blob.id));
        let emptied = self.rewrite_together(&sparse, &terms).await?;
        emptied.iter().for_each(|id| tried.release(id));
        Ok(Some(emptied.len()))
    }

    /// Keeps what goes together with the first: what is coded by the same scheme and lives under the same placement rule. What else lives in
    /// a quilt, because a rule was set later, goes another time. None when there is nothing.
    async fn keep_alike(&self, sparse: &mut Vec<SparseBlob>) -> Result<Option<BlobTerms>, ObjectsError> {
        let Some((scheme, first)) = sparse.iter().find_map(|quilt| {
            let first = quilt.extents.first()?.owner;
            Some((quilt.blob.layout.shape.scheme, first))
        }) else {
            return Ok(None);
        };
        sparse.retain(|quilt| quilt.blob.layout.shape.scheme == scheme);
        let ids: Vec<BlobId> = sparse.iter().map(|quilt| quilt.blob.id).collect();
        let rules = self.inner.metadata.placement_rules_of_owners(&ids).await?;
        let rule = rules.get(&first);
        for quilt in sparse.iter_mut() {
            quilt.extents.retain(|owned| rules.get(&owned.owner) == rule);
        }
        sparse.retain(|quilt| !quilt.extents.is_empty());
        Ok(Some(BlobTerms { scheme, rule: rule.cloned() }))
    }

    /// Moves these extents of quilts to one new quilt; the quilts of which something was moved.
    pub(crate) async fn rewrite_together(
        &self,
        sparse: &[SparseBlob],
        terms: &BlobTerms,
    ) -> Result<HashSet<BlobId>, ObjectsError> {
        let _reservation = self.inner.budget.take(living_bytes(sparse) * 3).await?;
        let living = self.gather_living(sparse).await;
        if living.moves.is_empty() {
            return Ok(HashSet::new());
        }
        let (blob, moves, uncommitted) = self.write_compacted(terms, living).await?;
        let left: Vec<BlobId> = moves.iter().map(|wanted| wanted.from.extent.blob).collect();
        fail_at("compact-written")?;
        let sent = uncommitted.sent();
        let moved = self.inner.metadata.move_extents(self.inner.id_generator.incarnation(), vec![blob], moves).await;
        sent.settle(&moved, |moved| moved.contains(&true));
        fail_at("compact-moved")?;
        Ok(left.into_iter().zip(moved?).filter(|(_, moved)| *moved).map(|(id, _)| id).collect())
    }

    /// Reads what lives of those quilts that can be read.
    async fn gather_living(&self, sparse: &[SparseBlob]) -> Living {
        let mut living = Living::default();
        for quilt in sparse {
            let id = quilt.blob.id;
            self.inner.noticed.compacted.admits(id);
            let (bytes, entries, moves) = (living.content.len(), living.catalog.entries.len(), living.moves.len());
            if let Err(error) = self.gather_quilt(quilt, &mut living).await {
                tracing::warn!(blob = %id, %error, "a sparse quilt could not be read; compaction goes on without it");
                living.content.truncate(bytes);
                living.catalog.entries.truncate(entries);
                living.moves.truncate(moves);
            }
        }
        living
    }

    /// Reads what lives of a quilt, one extent after the other, with what the old catalog says of it.
    async fn gather_quilt(&self, quilt: &SparseBlob, living: &mut Living) -> Result<(), ObjectsError> {
        let opened = self.inner.opened(&quilt.blob.id).await?;
        let layout = opened.blob.layout;
        let catalog = fetch_range(&self.inner, &opened, layout.content_len..layout.payload_len()).await?;
        let catalog = Catalog::decode(&catalog)
            .map_err(|error| ObjectsError::Internal(format!("the catalog of blob {}: {error}", quilt.blob.id)))?;
        for owned in &quilt.extents {
            let range = owned.extent.offset..owned.extent.offset + owned.extent.length;
            let to = Extent { offset: living.content.len() as u64, ..owned.extent };
            living.content.extend_from_slice(&fetch_range(&self.inner, &opened, range).await?);
            living.catalog.entries.extend(moved_entries(&catalog, owned.extent, to.offset));
            living.moves.push(ExtentMove { from: *owned, to });
        }
        Ok(())
    }

    /// Writes the new quilt.
    async fn write_compacted(
        &self,
        terms: &BlobTerms,
        living: Living,
    ) -> Result<(NewBlob, Vec<ExtentMove>, UncommittedSlivers), ObjectsError> {
        let Living { content, catalog, mut moves } = living;
        let blob_identity = self.inner.id_generator.compacted_blob();
        moves.iter_mut().for_each(|one| one.to.blob = blob_identity.id);
        let shape = quilt_shape(terms.scheme, content.len() / moves.len().max(1));
        let (cluster, id, wrapped) = (self.inner.id_generator.cluster, blob_identity.id, blob_identity.wrapped);
        let encode = move || {
            codec::encode_blob(
                cluster,
                id,
                shape,
                codec::BlobKeys { key: &blob_identity.key, wrapped },
                &content,
                &catalog.encode(),
            )
        };
        let encoded =
            self.inner.compute.run(encode).await?.map_err(|error| ObjectsError::Internal(error.to_string()))?;
        let blob = StoredBlob {
            id,
            layout: encoded.layout,
            wrapped_key: blob_identity.wrapped,
            rewrapped_key: None,
            placements: Vec::new(),
        };
        let (blob, uncommitted) =
            publish(&self.inner.committee, &self.inner.id_generator, terms, blob, encoded).await?;
        Ok((blob, moves, uncommitted))
    }
}

/// Bytes that live in quilts.
fn living_bytes(quilts: &[SparseBlob]) -> u64 {
    quilts.iter().flat_map(|quilt| &quilt.extents).map(|owned| owned.extent.length).sum()
}

/// What is taken over into the new quilt.
#[derive(Default)]
struct Living {
    content: Vec<u8>,
    catalog: Catalog,
    moves: Vec<ExtentMove>,
}

/// The old catalog's entries about one living extent, as they are to stand in the new one.
pub(super) fn moved_entries(catalog: &Catalog, living: Extent, new_offset: u64) -> impl Iterator<Item = CatalogEntry> {
    let end = living.offset + living.length;
    catalog.entries.iter().filter_map(move |entry| {
        let holds =
            |extent: &&CatalogExtent| extent.blob_offset <= living.offset && end <= extent.blob_offset + extent.length;
        let extent = entry.extents.iter().find(holds)?;
        let object_offset = extent.object_offset + (living.offset - extent.blob_offset);
        let moved = CatalogExtent { object_offset, blob_offset: new_offset, length: living.length };
        Some(CatalogEntry { extents: vec![moved], ..entry.clone() })
    })
}
