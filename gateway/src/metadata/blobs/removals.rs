//! What versions and uploads have left behind that went with more extents or parts than go in one transaction. It is nobody's any
//! more; step by step its extents cease to live, and then its rows go.

use std::collections::BTreeSet;

use codec::BlobId;

use crate::domain::Extent;
use crate::metadata::MetadataStore;
use crate::metadata::blobs::owned_extent::{ExtentOwner, OwnedExtent};
use crate::metadata::commit::apply::{Circumstances, apply};
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::load;
use crate::metadata::commit::plan::Planner;
use crate::metadata::engine::columns;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// Extents, or parts of a version, removed in one transaction: clients' writes wait for it.
const ROWS_PER_STEP: usize = 500;
/// Removals that are tried to find one that gets on: the others are being worked on, or fail.
const TRIED: i64 = 8;
/// How long one that fails is left alone, in microseconds.
const PUT_OFF: i64 = 3_600 * 1_000_000;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metadata) enum Removed {
    /// There is more.
    Some,
    /// All of it is gone.
    All,
    /// It is gone, or somebody else is at it.
    Nothing,
}

impl MetadataStore {
    /// Removes some of what versions and uploads have left behind; whether there may be more.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable. What is damaged is put off, and what is behind it goes on.
    pub async fn remove_some(&self) -> Result<bool> {
        let mut session = self.database().reader().await?;
        let now = session.dialect().now();
        let text = format!("SELECT id FROM removal WHERE not_before <= {now} ORDER BY not_before LIMIT {TRIED}");
        let waiting = session.rows(Statement::new(text)).await?;
        drop(session);
        for row in waiting {
            let id = row.array(0)?;
            match self.remove_step(id).await {
                Ok(Removed::Some | Removed::All) => return Ok(true),
                Ok(Removed::Nothing) => {}
                Err(error @ (MetadataError::Damaged(_) | MetadataError::Conflict)) => {
                    tracing::warn!(id = %hex::encode(id), %error, "what a version or upload left behind could not be removed");
                    self.database().transact(PutOff(id)).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Removes all that one of them has left behind, unless somebody else is at it. What fails is left to [`Self::remove_some`].
    pub(in crate::metadata) async fn remove_rest(&self, id: [u8; 16]) {
        loop {
            match self.remove_step(id).await {
                Ok(Removed::Some) => {}
                Ok(Removed::All | Removed::Nothing) => return,
                Err(error) => {
                    tracing::debug!(id = %hex::encode(id), %error, "what is left behind is removed later");
                    return;
                }
            }
        }
    }

    async fn remove_step(&self, id: [u8; 16]) -> Result<Removed> {
        self.database().transact(Step { id, given: Circumstances::now(&self.shared, 0) }).await
    }
}

/// Extents that are left, and the number of the part that has the last of them.
struct Page {
    extents: Vec<OwnedExtent>,
    last_part: i64,
}

struct Step {
    id: [u8; 16],
    given: Circumstances,
}

impl Work for Step {
    type Done = Removed;

    async fn run(&self, tx: &mut Session) -> Result<Removed> {
        let text = format!("SELECT is_upload FROM removal WHERE id = $1{}", tx.dialect().for_claim());
        let Some(row) = tx.row(Statement::new(text).bind(self.id)).await? else { return Ok(Removed::Nothing) };
        let is_upload = row.flag(0)?;
        let page = self.page(tx, is_upload).await?;
        self.release(tx, &page.extents).await?;
        let is_last = page.extents.len() < ROWS_PER_STEP;
        if is_upload {
            // Those before the last one that was seen have no extents any more.
            let below = if is_last { i64::MAX } else { page.last_part };
            let text = "DELETE FROM part WHERE upload_id = $1 AND number < $2";
            tx.execute(Statement::new(text).bind(self.id).bind(below)).await?;
        }
        if !is_last {
            return Ok(Removed::Some);
        }
        if !is_upload && self.remove_version_parts(tx).await? >= ROWS_PER_STEP as u64 {
            return Ok(Removed::Some);
        }
        tx.execute(Statement::new("DELETE FROM removal WHERE id = $1").bind(self.id)).await?;
        Ok(Removed::All)
    }
}

impl Step {
    /// The first extents that are left, locked.
    async fn page(&self, tx: &mut Session, is_upload: bool) -> Result<Page> {
        let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE OF e" } else { "" };
        let (number, from) = if is_upload {
            (
                "p.number",
                "part p JOIN extent e ON e.owner = p.part_id WHERE p.upload_id = $1 ORDER BY p.number, e.ordinal",
            )
        } else {
            ("e.ordinal", "extent e WHERE e.owner = $1 ORDER BY e.ordinal")
        };
        let text = format!(
            "SELECT e.owner, e.ordinal, e.blob_id, e.blob_offset, e.length, {number} FROM {from} LIMIT {ROWS_PER_STEP}{lock}"
        );
        let rows = tx.rows(Statement::new(text).bind(self.id)).await?;
        let owned = rows.iter().map(|row| {
            let (owner, ordinal) = (ExtentOwner(row.array(0)?), row.number(1)?);
            Ok(OwnedExtent { owner, ordinal, extent: columns::extent(row, 2)? })
        });
        let last_part = rows.last().map_or(Ok(0), |row| row.int(5))?;
        Ok(Page { extents: owned.collect::<Result<_>>()?, last_part })
    }

    /// Removes extents: their bytes cease to live.
    async fn release(&self, tx: &mut Session, page: &[OwnedExtent]) -> Result<()> {
        if page.is_empty() {
            return Ok(());
        }
        let dialect = tx.dialect();
        let mut facts = Facts::default();
        let blobs = page.iter().map(|owned| owned.extent.blob).collect::<BTreeSet<BlobId>>();
        load::ask(tx, &mut facts, [load::now(dialect, None), load::blobs(dialect, blobs)]).await?;
        let extents: Vec<Extent> = page.iter().map(|owned| owned.extent).collect();
        let mut planner = Planner::new(&facts);
        planner.release_extents(&extents)?;
        apply(tx, &facts, &planner.finish()?, self.given).await?;
        let places: Vec<[Value; 2]> = page.iter().map(|owned| [owned.owner.0.into(), owned.ordinal.into()]).collect();
        tx.execute_rows("DELETE FROM extent WHERE (owner, ordinal) IN (VALUES ", places, ")").await?;
        Ok(())
    }

    async fn remove_version_parts(&self, tx: &mut Session) -> Result<u64> {
        let text = format!(
            "DELETE FROM version_part WHERE version_id = $1 AND number IN \
             (SELECT number FROM version_part WHERE version_id = $2 ORDER BY number LIMIT {ROWS_PER_STEP})"
        );
        tx.execute(Statement::new(text).bind(self.id).bind(self.id)).await
    }
}

struct PutOff([u8; 16]);

impl Work for PutOff {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let text = format!("UPDATE removal SET not_before = {} + {PUT_OFF} WHERE id = $1", tx.dialect().now());
        tx.execute(Statement::new(text).bind(self.0)).await.map(drop)
    }
}
