//! Backends that are being replaced: drained, with a successor that takes what they hold.

use std::collections::BTreeMap;

use crate::domain::BackendId;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::backend_id;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

impl MetadataStore {
    /// The backends that are being replaced, each with its successor. They are being drained as well.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn successors(&self) -> Result<BTreeMap<BackendId, BackendId>> {
        let text = "SELECT name, successor FROM backend \
                    WHERE successor IS NOT NULL AND drain_began IS NOT NULL AND NOT removed";
        let rows = self.database().rows(Statement::new(text)).await?;
        rows.iter().map(|row| Ok((backend_id(row.text(0)?)?, backend_id(row.text(1)?)?))).collect()
    }

    /// Lets a backend be drained into another one, and leave the cluster after that. Whether both belong to the cluster.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn begin_replacement(&self, old: &BackendId, successor: &BackendId) -> Result<bool> {
        let slivers = self.slivers_on(old).await?;
        self.database().transact(Begin { old: old.clone(), successor: successor.clone(), slivers }).await
    }

    /// Takes a replaced backend out of the cluster, if its successor is still the one it was. Whether it was.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn end_replacement(&self, old: &BackendId, successor: &BackendId) -> Result<bool> {
        self.database().transact(End { old: old.clone(), successor: successor.clone() }).await
    }
}

struct Begin {
    old: BackendId,
    successor: BackendId,
    slivers: u64,
}

impl Work for Begin {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = format!(
            "UPDATE backend SET successor = $1, drain_slivers = CASE WHEN drain_began IS NULL THEN $2 ELSE drain_slivers END, \
             drain_began = COALESCE(drain_began, {}) WHERE name = $3 AND NOT removed AND name <> $1 \
             AND EXISTS (SELECT 1 FROM backend b WHERE b.name = $1 AND NOT b.removed AND b.drain_began IS NULL)",
            tx.dialect().now()
        );
        let slivers = i64::try_from(self.slivers).unwrap_or(i64::MAX);
        let statement = Statement::new(text).bind(self.successor.as_str()).bind(slivers).bind(self.old.as_str());
        Ok(tx.execute(statement).await? > 0)
    }
}

struct End {
    old: BackendId,
    successor: BackendId,
}

impl Work for End {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        // One that counted as lost goes on to: its successor has what others rebuilt.
        let text = "UPDATE backend SET removed = TRUE, drain_began = NULL, drain_slivers = NULL, successor = NULL, away_since = NULL, \
                    away_until = NULL WHERE name = $1 AND successor = $2 AND NOT removed";
        let statement = Statement::new(text).bind(self.old.as_str()).bind(self.successor.as_str());
        Ok(tx.execute(statement).await? > 0)
    }
}
