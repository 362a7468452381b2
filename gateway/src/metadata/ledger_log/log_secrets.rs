//! The name of the log and its sealed secrets.

use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// The name under which the log is published, and its secrets as they are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSecrets {
    /// The name.
    pub origin: String,
    /// The secrets.
    pub sealed: Vec<u8>,
}

const SELECT: &str = "SELECT origin, sealed FROM ledger_log";

impl MetadataStore {
    /// The name and secrets of the log, once there is one.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn log_secrets(&self) -> Result<Option<LogSecrets>> {
        self.database().row(Statement::new(SELECT)).await?.as_ref().map(secrets).transpose()
    }

    /// Begins a log with this name and these secrets unless there is one; returns those of the existing or new one.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn begin_log(&self, secrets: LogSecrets) -> Result<LogSecrets> {
        self.database().transact(BeginLog(secrets)).await
    }

    /// Replaces how the secrets are sealed, if they are sealed as `before`.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn reseal_log_secrets(&self, before: &[u8], after: &[u8]) -> Result<()> {
        self.database().transact(Reseal(before.to_vec(), after.to_vec())).await
    }
}

struct BeginLog(LogSecrets);

impl Work for BeginLog {
    type Done = LogSecrets;

    async fn run(&self, tx: &mut Session) -> Result<LogSecrets> {
        let text = "INSERT INTO ledger_log (id, origin, sealed) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
        tx.execute(Statement::new(text).bind(self.0.origin.as_str()).bind(self.0.sealed.clone())).await?;
        let row = tx.row(Statement::new(SELECT)).await?;
        secrets(&row.ok_or_else(|| MetadataError::Damaged("the row of the log is gone".to_owned()))?)
    }
}

struct Reseal(Vec<u8>, Vec<u8>);

impl Work for Reseal {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let text = "UPDATE ledger_log SET sealed = $1 WHERE sealed = $2";
        tx.execute(Statement::new(text).bind(self.1.clone()).bind(self.0.clone())).await.map(drop)
    }
}

fn secrets(row: &Row) -> Result<LogSecrets> {
    Ok(LogSecrets { origin: row.text(0)?.to_owned(), sealed: row.bytes(1)?.to_vec() })
}
