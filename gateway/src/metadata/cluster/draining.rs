//! Backends that are being drained: nothing new goes there, and what is there is moved before they leave.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{BackendId, Timestamp};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::backend_id;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// How a drain began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainStart {
    /// When, by the database's clock.
    pub began: Timestamp,
    /// Slivers that were there then.
    pub slivers: u64,
}

impl MetadataStore {
    /// The backends that are being drained.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn draining_backends(&self) -> Result<BTreeMap<BackendId, DrainStart>> {
        let text = "SELECT name, drain_began, drain_slivers FROM backend WHERE drain_began IS NOT NULL AND NOT removed";
        let rows = self.database().rows(Statement::new(text)).await?;
        let start = |row: &Row| {
            let start = DrainStart { began: Timestamp(row.int(1)?), slivers: row.number(2)? };
            Ok((backend_id(row.text(0)?)?, start))
        };
        rows.iter().map(start).collect()
    }

    /// The backends that are to be left: those that are being drained, and those that audits have suspended. Those that are being replaced are
    /// not among them: see [`Self::successors`].
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn leaving_backends(&self) -> Result<BTreeSet<BackendId>> {
        let text = "SELECT name FROM backend b WHERE NOT removed AND (drain_began IS NOT NULL AND successor IS NULL \
                    OR EXISTS (SELECT 1 FROM reputation r WHERE r.backend = b.name AND r.suspended_at IS NOT NULL))";
        self.database().rows(Statement::new(text)).await?.iter().map(|row| backend_id(row.text(0)?)).collect()
    }

    /// Begins to drain a backend; one that is being drained goes on. Whether one of that name belongs to the cluster.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn begin_drain(&self, backend: &BackendId) -> Result<bool> {
        // Counted before the transaction: no commit waits for it.
        let slivers = self.slivers_on(backend).await?;
        self.database().transact(Begin { backend: backend.clone(), slivers }).await
    }

    /// Ends the drain of a backend: what is there stays, what was moved stays away. Whether it was being drained.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn cancel_drain(&self, backend: &BackendId) -> Result<bool> {
        self.database().transact(Cancel(backend.clone())).await
    }

    /// How many slivers of blobs in which something lives are on a backend, as far as the rows say. Reads all of them.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn slivers_on(&self, backend: &BackendId) -> Result<u64> {
        let text =
            "SELECT COUNT(*) FROM sliver s JOIN blob b ON b.id = s.blob_id WHERE s.backend = $1 AND b.live_bytes > 0";
        self.database().row(Statement::new(text).bind(backend.as_str())).await?.map_or(Ok(0), |row| row.number(0))
    }
}

struct Begin {
    backend: BackendId,
    slivers: u64,
}

impl Work for Begin {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = format!(
            "UPDATE backend SET drain_slivers = CASE WHEN drain_began IS NULL THEN $1 ELSE drain_slivers END, \
             drain_began = COALESCE(drain_began, {}) WHERE name = $2 AND NOT removed",
            tx.dialect().now()
        );
        let slivers = i64::try_from(self.slivers).unwrap_or(i64::MAX);
        Ok(tx.execute(Statement::new(text).bind(slivers).bind(self.backend.as_str())).await? > 0)
    }
}

struct Cancel(BackendId);

impl Work for Cancel {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "UPDATE backend SET drain_began = NULL, drain_slivers = NULL, successor = NULL WHERE name = $1 AND drain_began IS NOT NULL";
        Ok(tx.execute(Statement::new(text).bind(self.0.as_str())).await? > 0)
    }
}
