//! Compaction: moving live extents out of sparse quilts.

use codec::BlobId;
use std::collections::{BTreeSet, HashMap};

use crate::domain::StoredBlob;
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, with_placements};
use crate::metadata::blobs::owned_extent::{ExtentMove, ExtentOwner, OwnedExtent};
use crate::metadata::commit::apply::{Circumstances, apply};
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::plan::Planner;
use crate::metadata::commit::{NewBlob, load};
use crate::metadata::engine::columns::{self, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// A quilt of which less than half is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseQuilt {
    /// The quilt.
    pub blob: StoredBlob,
    /// What is alive in it, ascending by offset.
    pub extents: Vec<OwnedExtent>,
}

impl MetadataStore {
    /// Quilts of which less than half is alive and something is, by id, after one. Fewer than `most` may come of a full page.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn sparse_quilts(&self, after: Option<BlobId>, most: usize) -> Result<Vec<SparseQuilt>> {
        let mut session = self.database().reader().await?;
        let text = format!(
            "SELECT {BLOB_COLUMNS} FROM blob b \
             WHERE b.is_quilt AND b.live_bytes > 0 AND b.live_bytes * 2 < b.content_len \
             AND b.id > $1 ORDER BY b.id LIMIT $2"
        );
        let after = after.map_or_else(Vec::new, |id| id.0.to_vec());
        let rows = session.rows(Statement::new(text).bind(after).bind(limit(most))).await?;
        let blobs = with_placements(&mut session, &rows).await?;
        let mut extents = HashMap::<BlobId, Vec<OwnedExtent>>::new();
        for head in [
            "SELECT blob_id, blob_offset, size, version_id, 0 FROM version WHERE blob_id IN (VALUES ",
            "SELECT blob_id, blob_offset, length, owner, ordinal FROM extent WHERE blob_id IN (VALUES ",
        ] {
            let ids = blobs.iter().map(|blob| [Value::from(blob.id.0)]).collect();
            for row in session.rows_of_rows(head, ids, ")").await? {
                let extent = columns::extent(&row, 0)?;
                let owned = OwnedExtent { owner: ExtentOwner(row.array(3)?), ordinal: row.number(4)?, extent };
                extents.entry(extent.blob).or_default().push(owned);
            }
        }
        let quilts = blobs.into_iter().map(|blob| {
            let mut extents = extents.remove(&blob.id).unwrap_or_default();
            extents.sort_unstable_by_key(|owned| (owned.extent.offset, owned.owner, owned.ordinal));
            SparseQuilt { blob, extents }
        });
        // One without extents died between the two statements.
        Ok(quilts.filter(|quilt| !quilt.extents.is_empty()).collect())
    }

    /// Commits new blobs and moves extents into them, and meters what that makes more or less. An extent that is no longer
    /// what it was when it was read is left alone; answers for each move whether it was done.
    ///
    /// # Errors
    /// Nothing changed, unless it is [`MetadataError::Unknown`].
    pub async fn move_extents(
        &self,
        incarnation: u32,
        blobs: Vec<NewBlob>,
        moves: Vec<ExtentMove>,
    ) -> Result<Vec<bool>> {
        let shared = self.shared.clone();
        let work = Move { given: Circumstances::now(&shared, incarnation), blobs, moves };
        let task = tokio::spawn(async move {
            // Whose extents they are is not known by key, so no version may stay in the cache.
            let _announced = shared.versions.as_ref().map(|cache| cache.announce_all());
            shared.database.transact_here(&work).await
        });
        task.await.map_err(|_| MetadataError::Unknown)?
    }
}

struct Move {
    given: Circumstances,
    blobs: Vec<NewBlob>,
    moves: Vec<ExtentMove>,
}

impl Work for Move {
    type Done = Vec<bool>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<bool>> {
        let dialect = tx.dialect();
        let mut facts = Facts::default();
        let left = self.moves.iter().map(|wanted| wanted.from.extent.blob).collect();
        load::ask(tx, &mut facts, [load::now(dialect, Some(self.given.incarnation)), load::inline(dialect, left)])
            .await?;
        facts.fenced_now()?;
        let owners = self.moves.iter().map(|wanted| wanted.from.owner).filter(|owner| !facts.inline.contains(owner));
        let owners = owners.collect();
        let metered = [load::metered_versions(dialect, &owners), load::metered_parts(dialect, &owners)];
        load::ask(tx, &mut facts, metered.into_iter().chain([load::extents(dialect, owners)])).await?;
        let new: BTreeSet<_> = self.blobs.iter().map(|new| new.blob.id).collect();
        let blobs = self.moves.iter().flat_map(|wanted| [wanted.from.extent.blob, wanted.to.blob]);
        let blobs = blobs.filter(|id| !new.contains(id)).collect();
        load::ask(tx, &mut facts, [load::blobs(dialect, blobs)]).await?;
        let mut planner = Planner::new(&facts);
        planner.blobs(&self.blobs);
        let moved = planner.moves(&self.moves)?;
        apply(tx, &facts, &planner.finish()?, self.given).await?;
        Ok(moved)
    }
}
