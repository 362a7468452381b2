//! Leased tasks: one gateway at a time runs each, and another continues from its progress when the lease expires.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

impl MetadataStore {
    /// Acquires or extends the lease of a task for `lease_seconds`. Returns its progress; none while another live gateway holds it.
    /// Progress that cannot be parsed, because another release wrote it, starts over.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn acquire_leased_task<P>(
        &self,
        name: &'static str,
        incarnation: u32,
        lease_seconds: i64,
    ) -> Result<Option<P>>
    where
        P: Default + DeserializeOwned,
    {
        let progress = self.database().transact(Acquire { name, incarnation, lease_seconds }).await?;
        Ok(progress.map(|text| serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Records the progress of a task; false when its lease was lost meanwhile.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn record_task_progress<P: Serialize>(
        &self,
        name: &'static str,
        incarnation: u32,
        progress: &P,
    ) -> Result<bool> {
        let text = serde_json::to_string(progress).map_err(|error| MetadataError::Damaged(error.to_string()))?;
        self.database().transact(RecordProgress { name, incarnation, text }).await
    }
}

struct Acquire {
    name: &'static str,
    incarnation: u32,
    lease_seconds: i64,
}

impl Work for Acquire {
    type Done = Option<String>;

    async fn run(&self, tx: &mut Session) -> Result<Option<String>> {
        let now = tx.dialect().now();
        let until = self.lease_seconds.saturating_mul(1_000_000);
        let text = format!(
            "INSERT INTO errand (name, holder, lease_until, progress) VALUES ($1, $2, {now} + {until}, '') \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until \
             WHERE errand.holder = excluded.holder OR errand.lease_until < {now} \
             OR NOT EXISTS (SELECT 1 FROM incarnation i WHERE i.id = errand.holder AND NOT i.is_dead) \
             RETURNING progress"
        );
        let row = tx.row(Statement::new(text).bind(self.name).bind(self.incarnation)).await?;
        row.map(|row| row.text(0).map(str::to_owned)).transpose()
    }
}

struct RecordProgress {
    name: &'static str,
    incarnation: u32,
    text: String,
}

impl Work for RecordProgress {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "UPDATE errand SET progress = $1 WHERE name = $2 AND holder = $3";
        let statement = Statement::new(text).bind(&*self.text).bind(self.name).bind(self.incarnation);
        Ok(tx.execute(statement).await? > 0)
    }
}
