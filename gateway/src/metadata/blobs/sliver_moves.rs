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
use crate::metadata::engine::columns::{backend_id, int};
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
    /// How many bytes it has.
    pub bytes: u64,
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
        let SliverMove { blob, from, to, stamp, discard, .. } = &self.sliver;
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
        note_rebuilt(tx, &self.sliver, now).await?;
        if let Some(from) = from.as_ref().filter(|_| *discard) {
            let (attempt, backend) = (from.attempt, from.backend.clone());
            let old = SliverLocation { blob: *blob, index: to.index, attempt, backend };
            insert_discards(tx, &[old], now).await?;
        }
        Ok(true)
    }
}

/// Notes who had lost the sliver, since when, and who has it now: settlements go by that. One that was whole and is only moved is no loss.
async fn note_rebuilt(tx: &mut Session, sliver: &SliverMove, now: i64) -> Result<()> {
    let SliverMove { blob, from, to, bytes, .. } = sliver;
    let (lost_by, lost_at) = match from {
        None => ("", Some(now)),
        Some(from) => {
            let text = "SELECT MIN(COALESCE(first_found_at, found_at)), (SELECT lost_at FROM backend WHERE name = $1) \
                        FROM finding WHERE blob_id = $2 AND sliver_index = $3 AND backend = $4";
            let found = Statement::new(text).bind(from.backend.as_str()).bind(blob.0).bind(u32::from(to.index));
            let row = tx.row(found.bind(from.backend.as_str())).await?;
            let times = row.map(|row| Ok::<_, MetadataError>((row.number_if_any(0)?, row.number_if_any(1)?)));
            let (found, lost) = times.transpose()?.unwrap_or_default();
            (from.backend.as_str(), found.or(lost))
        }
    };
    let Some(lost_at) = lost_at else { return Ok(()) };
    let text = "INSERT INTO rebuilt_sliver (blob_id, sliver_index, attempt, lost_by, rebuilt_by, bytes, lost_at, rebuilt_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (blob_id, sliver_index, attempt) DO NOTHING";
    let statement = Statement::new(text).bind(blob.0).bind(u32::from(to.index)).bind(to.attempt).bind(lost_by);
    let statement = statement.bind(to.backend.as_str()).bind(int(*bytes)?).bind(lost_at).bind(now);
    tx.execute(statement).await.map(drop)
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
