//! Rebuilt slivers: announced before they are written, moved into place, and the old ones deleted.
//!
//! A new sliver is known before its first byte is written: it begins as a row of `discard`, due in an hour, so that nobody
//! takes it for an orphan and nothing is left behind when the worker dies. The move takes that row away, makes the sliver one
//! of the blob's, and queues the old one instead.

use codec::BlobId;

use crate::domain::{BackendId, Placement};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::repair_jobs::SECOND;
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::load;
use crate::metadata::engine::columns::backend_id;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// How long a new sliver may take from its first byte to its row.
const ANNOUNCEMENT_TTL: i64 = 3_600 * SECOND;

/// The name of one sliver on one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliverLocation {
    /// Of which blob.
    pub blob: BlobId,
    /// Which of its slivers.
    pub index: u8,
    /// Random part of its name.
    pub attempt: u32,
    /// On which backend.
    pub backend: BackendId,
}

/// A rebuilt and verified sliver.
#[derive(Clone, Debug)]
pub struct SliverMove {
    /// Of which blob.
    pub blob: BlobId,
    /// The sliver it replaces, if the blob had one.
    pub from: Option<Placement>,
    /// Where it is now.
    pub to: Placement,
    /// What [`MetadataStore::announce_slivers`] answered.
    pub stamp: i64,
    /// The old one is on a backend that can be asked to delete it.
    pub discard: bool,
}

impl MetadataStore {
    /// Announces slivers that are about to be written; the answer names the announcement.
    ///
    /// # Errors
    /// [`MetadataError::Fenced`] when the incarnation was marked dead.
    pub async fn announce_slivers(&self, incarnation: u32, slivers: Vec<SliverLocation>) -> Result<i64> {
        self.database().transact(AnnounceSlivers { incarnation, slivers }).await
    }

    /// Makes a new sliver one of its blob's. Refused (false) when the blob died, its sliver is another than when it was read,
    /// or the announcement ran out.
    ///
    /// # Errors
    /// [`MetadataError::Fenced`] when the incarnation was marked dead.
    pub async fn move_sliver(&self, incarnation: u32, sliver: SliverMove) -> Result<bool> {
        let blob = sliver.blob;
        let moved = self.database().transact(Move { incarnation, sliver }).await;
        self.shared.blobs.invalidate(&blob);
        moved
    }
}

struct AnnounceSlivers {
    incarnation: u32,
    slivers: Vec<SliverLocation>,
}

impl Work for AnnounceSlivers {
    type Done = i64;

    async fn run(&self, tx: &mut Session) -> Result<i64> {
        let stamp = fenced(tx, self.incarnation).await?.saturating_add(ANNOUNCEMENT_TTL);
        insert_discards(tx, &self.slivers, stamp).await?;
        Ok(stamp)
    }
}

struct Move {
    incarnation: u32,
    sliver: SliverMove,
}

impl Work for Move {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let SliverMove { blob, from, to, stamp, discard } = &self.sliver;
        let now = fenced(tx, self.incarnation).await?;
        let dialect = tx.dialect();
        let text = format!("SELECT live_bytes FROM blob WHERE id = $1{}", dialect.for_update());
        let alive = tx.row(Statement::new(text).bind(blob.0)).await?.map(|row| row.int(0)).transpose()?;
        let text = "SELECT attempt, backend FROM sliver WHERE blob_id = $1 AND sliver_index = $2";
        let row = tx.row(Statement::new(text).bind(blob.0).bind(u32::from(to.index))).await?;
        let found = row.map(|row| Ok::<_, MetadataError>((row.number(0)?, backend_id(row.text(1)?)?))).transpose()?;
        let expected = from.as_ref().map(|from| (from.attempt, from.backend.clone()));
        if alive.is_none_or(|live| live <= 0) || found != expected {
            return Ok(false);
        }
        let text = "DELETE FROM discard WHERE blob_id = $1 AND sliver_index = $2 AND attempt = $3 AND backend = $4 \
                    AND not_before = $5";
        let intent = Statement::new(text).bind(blob.0).bind(u32::from(to.index)).bind(to.attempt);
        if tx.execute(intent.bind(to.backend.as_str()).bind(*stamp)).await? != 1 {
            return Ok(false);
        }
        let text = "INSERT INTO sliver (blob_id, sliver_index, attempt, backend, root) VALUES ($1, $2, $3, $4, $5) \
                    ON CONFLICT (blob_id, sliver_index) DO UPDATE SET attempt = excluded.attempt, \
                    backend = excluded.backend, root = excluded.root";
        let insert = Statement::new(text).bind(blob.0).bind(u32::from(to.index)).bind(to.attempt);
        tx.execute(insert.bind(to.backend.as_str()).bind(to.root.0)).await?;
        if let Some(from) = from.as_ref().filter(|_| *discard) {
            let (attempt, backend) = (from.attempt, from.backend.clone());
            let old = SliverLocation { blob: *blob, index: to.index, attempt, backend };
            insert_discards(tx, &[old], now).await?;
        }
        Ok(true)
    }
}

/// The database's time, if the incarnation may write.
async fn fenced(tx: &mut Session, incarnation: u32) -> Result<i64> {
    let mut facts = Facts::default();
    let dialect = tx.dialect();
    load::ask(tx, &mut facts, [load::now(dialect, Some(incarnation))]).await?;
    facts.fenced_now()
}

async fn insert_discards(tx: &mut Session, slivers: &[SliverLocation], not_before: i64) -> Result<()> {
    let rows = names(slivers).into_iter().map(|[blob, index, attempt, backend]| {
        let row: [Value; 5] = [blob, index, attempt, backend, not_before.into()];
        row
    });
    let head = "INSERT INTO discard (blob_id, sliver_index, attempt, backend, not_before) VALUES ";
    tx.execute_rows(head, rows.collect(), "").await.map(drop)
}

/// The keys of their rows in `discard`.
pub(super) fn names(slivers: &[SliverLocation]) -> Vec<[Value; 4]> {
    let name = |location: &SliverLocation| {
        [
            location.blob.0.into(),
            u32::from(location.index).into(),
            location.attempt.into(),
            location.backend.as_str().into(),
        ]
    };
    slivers.iter().map(name).collect()
}
