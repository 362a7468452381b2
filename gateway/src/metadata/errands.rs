//! Work that goes round: one gateway at a time does it, and the next one goes on where it stopped.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::database::Work;
use super::session::Session;
use super::statement::Statement;
use super::{MetadataError, MetadataStore, Result};

impl MetadataStore {
    /// Takes or keeps an errand for `lease_seconds`. Answers how far it has come; none while another living gateway has it.
    /// Progress that cannot be read, as another release wrote it, is begun again.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn take_errand<P>(&self, name: &'static str, incarnation: u32, lease_seconds: i64) -> Result<Option<P>>
    where
        P: Default + DeserializeOwned,
    {
        let progress = self.database().transact(Take { name, incarnation, lease_seconds }).await?;
        Ok(progress.map(|text| serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Notes how far an errand has come; false when it was taken away meanwhile.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn note_errand<P: Serialize>(&self, name: &'static str, incarnation: u32, progress: &P) -> Result<bool> {
        let text = serde_json::to_string(progress).map_err(|error| MetadataError::Damaged(error.to_string()))?;
        self.database().transact(Note { name, incarnation, text }).await
    }
}

struct Take {
    name: &'static str,
    incarnation: u32,
    lease_seconds: i64,
}

impl Work for Take {
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

struct Note {
    name: &'static str,
    incarnation: u32,
    text: String,
}

impl Work for Note {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "UPDATE errand SET progress = $1 WHERE name = $2 AND holder = $3";
        let statement = Statement::new(text).bind(&*self.text).bind(self.name).bind(self.incarnation);
        Ok(tx.execute(statement).await? > 0)
    }
}
