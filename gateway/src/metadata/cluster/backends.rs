//! The backends that were ever part of the cluster, so that a wiped disk is noticed.

use std::collections::BTreeSet;

use crate::domain::BackendId;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::backend_id;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// A backend as it was last recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendRow {
    /// Its name.
    pub id: BackendId,
    /// Where it is.
    pub url: String,
    /// Its provider; empty when none was configured.
    pub provider: String,
    /// Its zone; empty when none was configured.
    pub zone: String,
    /// Its format marker was written: from now on a backend without one is another disk, not a new one.
    pub formatted: bool,
}

impl MetadataStore {
    /// Every known backend, by name.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn backends(&self) -> Result<Vec<BackendRow>> {
        let text = "SELECT name, url, provider, zone, formatted FROM backend ORDER BY name";
        let rows = self.database().rows(Statement::new(text)).await?;
        rows.iter()
            .map(|row| {
                Ok(BackendRow {
                    id: row.text(0)?.parse().map_err(|error| MetadataError::Damaged(format!("{error}")))?,
                    url: row.text(1)?.to_owned(),
                    provider: row.text(2)?.to_owned(),
                    zone: row.text(3)?.to_owned(),
                    formatted: row.flag(4)?,
                })
            })
            .collect()
    }

    /// Adds a backend or updates what is known of it.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn record_backend(&self, row: BackendRow) -> Result<()> {
        self.database().transact(Record(row)).await
    }

    /// Backends that an operator took out of the cluster: nothing new goes there, and what is there is rebuilt elsewhere.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn removed_backends(&self) -> Result<BTreeSet<BackendId>> {
        let rows = self.database().rows(Statement::new("SELECT name FROM backend WHERE removed")).await?;
        rows.iter().map(|row| backend_id(row.text(0)?)).collect()
    }

    /// Whether any sliver is on the backend, as far as the rows say.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn holds_slivers(&self, backend: &BackendId) -> Result<bool> {
        let text = "SELECT sliver_index FROM sliver WHERE backend = $1 LIMIT 1";
        Ok(self.database().row(Statement::new(text).bind(backend.as_str())).await?.is_some())
    }

    /// Takes a backend out of the cluster, or back into it. One that still holds slivers of what lives counts as lost from now on, and one
    /// that did before goes on to. Whether there is one of that name.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn set_backend_removed(&self, backend: &BackendId, removed: bool) -> Result<bool> {
        self.database().transact(SetRemoved { backend: backend.clone(), removed }).await
    }
}

struct SetRemoved {
    backend: BackendId,
    removed: bool,
}

impl Work for SetRemoved {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        // A drain ends when the backend leaves, and so does an absence: neither must be found when it is taken back. That it left without
        // handing over what it held stays noted until then.
        let lost_at = if self.removed {
            format!(
                "CASE WHEN EXISTS (SELECT 1 FROM sliver s JOIN blob b ON b.id = s.blob_id WHERE s.backend = backend.name \
                 AND b.live_bytes > 0) THEN COALESCE(lost_at, {}) ELSE lost_at END",
                tx.dialect().now()
            )
        } else {
            "NULL".to_owned()
        };
        let text = format!(
            "UPDATE backend SET removed = $1, drain_began = NULL, drain_slivers = NULL, successor = NULL, away_since = NULL, \
             away_until = NULL, lost_at = {lost_at} WHERE name = $2"
        );
        Ok(tx.execute(Statement::new(text).bind(self.removed).bind(self.backend.as_str())).await? > 0)
    }
}

struct Record(BackendRow);

impl Work for Record {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let text = format!(
            "INSERT INTO backend (name, url, provider, zone, formatted, created_at) VALUES ($1, $2, $3, $4, $5, {}) \
             ON CONFLICT (name) DO UPDATE SET url = excluded.url, provider = excluded.provider, zone = excluded.zone, \
             formatted = excluded.formatted",
            tx.dialect().now()
        );
        let row = &self.0;
        let statement = Statement::new(text)
            .bind(row.id.as_str())
            .bind(&*row.url)
            .bind(&*row.provider)
            .bind(&*row.zone)
            .bind(row.formatted);
        tx.execute(statement).await.map(drop)
    }
}
