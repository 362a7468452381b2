//! Backends that do not answer: since when, and since when what they hold counts as lost.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{BackendId, Timestamp};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::repair_jobs::SECOND;
use crate::metadata::engine::columns::backend_id;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;

/// After how many seconds a backend that is away counts as lost, where nobody said otherwise: a day.
const LOST_AFTER_SECONDS: i64 = 86_400;

/// A backend that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Since when every look at it has failed, by the database's clock.
    pub since: Timestamp,
    /// What it holds counts as lost.
    pub lost: bool,
}

impl MetadataStore {
    /// The backends of the cluster that are away.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn absences(&self) -> Result<BTreeMap<BackendId, Absence>> {
        let text =
            "SELECT name, away_since, lost_at IS NOT NULL FROM backend WHERE away_since IS NOT NULL AND NOT removed";
        let rows = self.database().rows(Statement::new(text)).await?;
        let absence =
            |row: &Row| Ok((backend_id(row.text(0)?)?, Absence { since: Timestamp(row.int(1)?), lost: row.flag(2)? }));
        rows.iter().map(absence).collect()
    }

    /// Notes which backends did not answer a look, and which did: those are not away, whoever else failed to reach them, and not lost any
    /// more. An absence goes on when the next look fails within `watched_seconds`; else it begins again, because nobody looked.
    /// Answers which lost backends are back.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn note_looks(
        &self,
        away: Vec<BackendId>,
        answered: Vec<BackendId>,
        watched_seconds: i64,
    ) -> Result<Vec<BackendId>> {
        let known = self.absences().await?;
        let back: Vec<_> = answered.into_iter().filter(|backend| known.contains_key(backend)).collect();
        if away.is_empty() && back.is_empty() {
            return Ok(Vec::new());
        }
        let lost = back.iter().filter(|backend| known[*backend].lost).cloned().collect();
        self.database().transact(Note { away, back, watched_seconds }).await?;
        Ok(lost)
    }

    /// Counts as lost what has been away for too long, unless more than `providers_max` providers with slivers are away together: then
    /// it is this side that cannot be reached. Answers which are lost from now on.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn give_up_absent(&self, providers_max: usize) -> Result<Vec<BackendId>> {
        self.database().transact(GiveUp { providers_max }).await
    }

    /// After how many seconds a backend that is away counts as lost; 0 for never.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn lost_after_seconds(&self) -> Result<u64> {
        let text = format!("SELECT COALESCE(lost_after_seconds, {LOST_AFTER_SECONDS}) FROM cluster");
        self.database().row(Statement::new(text)).await?.map_or(Ok(0), |row| row.number(0))
    }

    /// Sets after how many seconds a backend that is away counts as lost; 0 for never.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn set_lost_after_seconds(&self, seconds: u64) -> Result<()> {
        self.database().transact(SetLostAfter(i64::try_from(seconds).unwrap_or(i64::MAX))).await
    }
}

struct Note {
    away: Vec<BackendId>,
    back: Vec<BackendId>,
    watched_seconds: i64,
}

impl Work for Note {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let now = tx.dialect().now();
        let watched = self.watched_seconds.saturating_mul(SECOND);
        let head = format!(
            "UPDATE backend SET away_since = CASE WHEN away_until >= {now} THEN away_since ELSE {now} END, \
             away_until = {now} + {watched} WHERE NOT removed AND name IN (VALUES "
        );
        tx.execute_rows(&head, names(&self.away), ")").await?;
        let head = "UPDATE backend SET away_since = NULL, away_until = NULL, lost_at = NULL WHERE name IN (VALUES ";
        tx.execute_rows(head, names(&self.back), ")").await.map(drop)
    }
}

fn names(backends: &[BackendId]) -> Vec<[Value; 1]> {
    backends.iter().map(|backend| [backend.as_str().into()]).collect()
}

struct GiveUp {
    providers_max: usize,
}

impl Work for GiveUp {
    type Done = Vec<BackendId>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<BackendId>> {
        let dialect = tx.dialect();
        let now = dialect.now();
        let after = format!("COALESCE((SELECT c.lost_after_seconds FROM cluster c), {LOST_AFTER_SECONDS})");
        // One that is lost and holds nothing any more is no part of what may be lost together.
        let text = format!(
            "SELECT b.name, CASE WHEN b.provider = '' THEN b.name ELSE b.provider END, \
             b.lost_at IS NULL AND b.away_until >= {now} AND {after} > 0 AND b.away_since + {after} * {SECOND} <= {now}, \
             b.lost_at IS NULL OR EXISTS (SELECT 1 FROM sliver s WHERE s.backend = b.name) \
             FROM backend b WHERE b.away_since IS NOT NULL AND NOT b.removed ORDER BY b.name{}",
            dialect.for_update()
        );
        let (mut providers, mut overdue) = (BTreeSet::new(), Vec::new());
        for row in tx.rows(Statement::new(text)).await? {
            if row.flag(3)? {
                providers.insert(row.text(1)?.to_owned());
            }
            if row.flag(2)? {
                overdue.push(backend_id(row.text(0)?)?);
            }
        }
        if overdue.is_empty() || providers.len() > self.providers_max {
            return Ok(Vec::new());
        }
        let head = format!("UPDATE backend SET lost_at = {now} WHERE name IN (VALUES ");
        tx.execute_rows(&head, names(&overdue), ")").await?;
        Ok(overdue)
    }
}

struct SetLostAfter(i64);

impl Work for SetLostAfter {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        // In microseconds it must fit a column.
        let seconds = self.0.min(i64::MAX / (2 * SECOND));
        tx.execute(Statement::new("UPDATE cluster SET lost_after_seconds = $1").bind(seconds)).await.map(drop)
    }
}
