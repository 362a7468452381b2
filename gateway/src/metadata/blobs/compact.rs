//! Compaction: moving live extents out of sparse quilts.

use codec::BlobId;
use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::StoredBlob;
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, ids, keys, with_placements};
use crate::metadata::blobs::owned_extent::{ExtentMove, ExtentOwner, OwnedExtent};
use crate::metadata::blobs::sparse::IS_SPARSE;
use crate::metadata::commit::apply::{Circumstances, apply};
use crate::metadata::commit::facts::{Facts, MeteredFact, MeteredRow};
use crate::metadata::commit::plan::Planner;
use crate::metadata::commit::{NewBlob, load};
use crate::metadata::engine::columns::{self, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::objects::version_cache::CachedKey;

/// A sparse blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseBlob {
    /// The blob.
    pub blob: StoredBlob,
    /// What is alive in it, ascending by offset.
    pub extents: Vec<OwnedExtent>,
}

impl MetadataStore {
    /// Sparse quilts, by id, after one. Fewer than `most` may come of a full page.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn sparse_quilts(&self, after: Option<BlobId>, most: usize) -> Result<Vec<SparseBlob>> {
        let mut session = self.database().reader().await?;
        let text = format!(
            "SELECT {BLOB_COLUMNS} FROM blob b \
             WHERE b.is_quilt AND {IS_SPARSE} AND b.id > $1 ORDER BY b.id LIMIT $2"
        );
        let after = after.map_or_else(Vec::new, |id| id.0.to_vec());
        let rows = session.rows(Statement::new(text).bind(after).bind(limit(most))).await?;
        with_extents(&mut session, &rows).await
    }

    /// What lives of a blob; none when nothing does.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn living_in(&self, blob: BlobId) -> Result<Option<SparseBlob>> {
        let mut session = self.database().reader().await?;
        let text = format!("SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id = $1 AND b.live_bytes > 0");
        let rows = session.rows(Statement::new(text).bind(blob.0)).await?;
        Ok(with_extents(&mut session, &rows).await?.pop())
    }

    /// Claims blobs to compact for `lease_seconds`: those of them that live and that no other gateway has claimed. A claim goes with
    /// its blob, or when it has run out.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn claim_compactions(&self, blobs: Vec<BlobId>, lease_seconds: i64) -> Result<HashSet<BlobId>> {
        self.database().transact(Claim { blobs, lease_seconds }).await
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
        let given = Circumstances::now(&shared, incarnation);
        let task = tokio::spawn(async move {
            let mut work = Move { given, blobs, moves, announced: Keys::new() };
            loop {
                // Those of the last try, which found others. A renaming between two tries is rare, but may happen again.
                let keys = work.announced.iter().cloned();
                let _announced = shared.versions.as_ref().map(|cache| cache.announce(keys));
                match shared.database.transact_here(&work).await? {
                    Moved::Done(moved) => return Ok(moved),
                    Moved::Announce(keys) => work.announced.extend(keys),
                }
            }
        });
        task.await.map_err(|_| MetadataError::Unknown)?
    }
}

/// Blobs from rows of [`BLOB_COLUMNS`], with what is alive in each.
pub(super) async fn with_extents(session: &mut Session, rows: &[Row]) -> Result<Vec<SparseBlob>> {
    let blobs = with_placements(session, rows).await?;
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
    let sparse = blobs.into_iter().map(|blob| {
        let mut extents = extents.remove(&blob.id).unwrap_or_default();
        extents.sort_unstable_by_key(|owned| (owned.extent.offset, owned.owner, owned.ordinal));
        SparseBlob { blob, extents }
    });
    // One without extents died between the two statements.
    Ok(sparse.filter(|sparse| !sparse.extents.is_empty()).collect())
}

struct Claim {
    blobs: Vec<BlobId>,
    lease_seconds: i64,
}

impl Work for Claim {
    type Done = HashSet<BlobId>;

    /// The blobs are kept from dying meanwhile: the job of one that is gone would stay for ever.
    async fn run(&self, tx: &mut Session) -> Result<HashSet<BlobId>> {
        let dialect = tx.dialect();
        let now = dialect.now();
        let claimed = keys(&self.blobs);
        let tail = format!(") AND live_bytes > 0 ORDER BY id{}", dialect.for_share());
        let living = tx.rows_of_rows("SELECT id FROM blob WHERE id IN (VALUES ", claimed, &tail).await?;
        let living = keys(&ids(&living)?);
        let until = self.lease_seconds.saturating_mul(1_000_000);
        let tail = format!(
            ") INSERT INTO job (kind, blob_id, created_at, claimed_until, waits) \
             SELECT 'compact', n.id, {now}, {now} + {until}, TRUE FROM n WHERE TRUE \
             ON CONFLICT (kind, blob_id) DO UPDATE SET claimed_until = excluded.claimed_until \
             WHERE job.claimed_until <= {now} RETURNING blob_id"
        );
        let rows = tx.rows_of_rows("WITH n (id) AS (VALUES ", living, &tail).await?;
        Ok(ids(&rows)?.into_iter().collect())
    }
}

/// Keys whose versions have extents that move.
type Keys = BTreeSet<CachedKey>;

struct Move {
    given: Circumstances,
    blobs: Vec<NewBlob>,
    moves: Vec<ExtentMove>,
    /// The keys that a cache of this process knows to change.
    announced: Keys,
}

enum Moved {
    /// For each move whether it was done.
    Done(Vec<bool>),
    /// Nothing was done: these keys must be announced before.
    Announce(Keys),
}

impl Move {
    /// What the database says of the owners of the extents.
    async fn facts(&self, tx: &mut Session) -> Result<Facts> {
        let dialect = tx.dialect();
        let mut facts = Facts::default();
        let left = self.moves.iter().map(|wanted| wanted.from.extent.blob).collect();
        let all = self.moves.iter().map(|wanted| wanted.from.owner).collect();
        // Uploads before versions, as Complete locks them.
        let first = [
            load::now(dialect, Some(self.given.incarnation)),
            load::uploads_of_parts(dialect, &all),
            load::inline(dialect, left),
        ];
        load::ask(tx, &mut facts, first).await?;
        facts.fenced_now()?;
        let owners = self.moves.iter().map(|wanted| wanted.from.owner).filter(|owner| !facts.inline.contains(owner));
        let owners: BTreeSet<_> = owners.collect();
        let metered = [load::metered_versions(dialect, &owners), load::metered_parts(dialect, &owners)];
        // Not all that their owners have: of an object that was appended to, that may be thousands of extents for one that moves.
        let places = self.moves.iter().map(|wanted| (wanted.from.owner, wanted.from.ordinal));
        let places = places.filter(|(owner, _)| owners.contains(owner)).collect();
        load::ask(tx, &mut facts, metered.into_iter().chain([load::single_extents(dialect, &places)])).await?;
        Ok(facts)
    }

    /// The keys whose versions' extents may move, and which are not announced.
    fn unannounced(&self, facts: &Facts) -> Keys {
        let owners = self.moves.iter().map(|wanted| wanted.from.owner);
        let keys = owners.filter_map(|owner| match facts.metered.get(&owner) {
            Some(MeteredFact { bucket, row: MeteredRow::Version(key, _), .. }) => Some((*bucket, key.clone())),
            _ => None,
        });
        keys.filter(|key| !self.announced.contains(key)).collect()
    }
}

impl Work for Move {
    type Done = Moved;

    async fn run(&self, tx: &mut Session) -> Result<Moved> {
        let dialect = tx.dialect();
        let mut facts = self.facts(tx).await?;
        // Only a process that is alone has such a cache, and nobody renames while it holds the writer.
        let unannounced = if tx.is_alone() { self.unannounced(&facts) } else { Keys::new() };
        if !unannounced.is_empty() {
            return Ok(Moved::Announce(unannounced));
        }
        let new: BTreeSet<_> = self.blobs.iter().map(|new| new.blob.id).collect();
        let blobs = self.moves.iter().flat_map(|wanted| [wanted.from.extent.blob, wanted.to.blob]);
        let blobs = blobs.filter(|id| !new.contains(id)).collect();
        load::ask(tx, &mut facts, [load::blobs(dialect, blobs)]).await?;
        let mut planner = Planner::new(&facts);
        planner.blobs(&self.blobs);
        let moved = planner.moves(&self.moves)?;
        apply(tx, &facts, &planner.finish()?, self.given).await?;
        Ok(Moved::Done(moved))
    }
}
