//! How far each witness of the log is, and what witnesses refused.

use crate::domain::Timestamp;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// How far a witness is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WitnessProgress {
    /// What it cosigned last, as far as is known here.
    pub size: u64,
    /// How often in a row it did not answer as it should.
    pub failures: u32,
    /// When it is asked again.
    pub again_at: Timestamp,
    /// Why it did not cosign; empty when it did.
    pub problem: String,
}

/// What a witness refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRefusal {
    /// The size of the checkpoint.
    pub size: u64,
    /// The witness's name.
    pub witness: String,
    /// What it signed.
    pub note: String,
}

impl MetadataStore {
    /// How far a witness is, and the database's time.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn witness_progress(&self, name: &str) -> Result<(WitnessProgress, Timestamp)> {
        let mut session = self.database().reader().await?;
        let clock = session.row(Statement::new(format!("SELECT {}", session.dialect().now()))).await?;
        let now = Timestamp(clock.map_or(Ok(0), |row| row.int(0))?);
        let text = "SELECT size, failures, again_at, problem FROM ledger_witness WHERE name = $1";
        let Some(row) = session.row(Statement::new(text).bind(name)).await? else {
            return Ok((WitnessProgress::default(), now));
        };
        let progress = WitnessProgress {
            size: row.number(0)?,
            failures: row.number(1)?,
            again_at: Timestamp(row.int(2)?),
            problem: row.text(3)?.to_owned(),
        };
        Ok((progress, now))
    }

    /// Notes how far a witness is.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn note_witness(&self, name: &str, progress: WitnessProgress) -> Result<()> {
        self.database().transact(Note { name: name.to_owned(), progress }).await
    }

    /// Keeps what a witness refused, once for each checkpoint and witness; whether it is new.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn keep_refusal(&self, refusal: LogRefusal) -> Result<bool> {
        self.database().transact(Keep(refusal)).await
    }

    /// What witnesses refused, of checkpoints above a size, the oldest first.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn log_refusals(&self, above: u64, most: usize) -> Result<Vec<LogRefusal>> {
        let text = "SELECT size, witness, note FROM ledger_refusal WHERE size > $1 ORDER BY size, witness LIMIT $2";
        let rows = self.database().rows(Statement::new(text).bind(int(above)?).bind(limit(most))).await?;
        let refusal = |row: &crate::metadata::engine::row::Row| {
            Ok(LogRefusal { size: row.number(0)?, witness: row.text(1)?.to_owned(), note: row.text(2)?.to_owned() })
        };
        rows.iter().map(refusal).collect()
    }
}

struct Note {
    name: String,
    progress: WitnessProgress,
}

impl Work for Note {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        // Of two gateways the one that is further is right.
        let text = "INSERT INTO ledger_witness (name, size, failures, again_at, problem) VALUES ($1, $2, $3, $4, $5) \
                    ON CONFLICT (name) DO UPDATE SET size = EXCLUDED.size, failures = EXCLUDED.failures, \
                    again_at = EXCLUDED.again_at, problem = EXCLUDED.problem WHERE ledger_witness.size <= EXCLUDED.size";
        let WitnessProgress { size, failures, again_at, problem } = &self.progress;
        let statement =
            Statement::new(text).bind(self.name.as_str()).bind(int(*size)?).bind(*failures).bind(again_at.0);
        tx.execute(statement.bind(problem.as_str())).await.map(drop)
    }
}

struct Keep(LogRefusal);

impl Work for Keep {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let LogRefusal { size, witness, note } = &self.0;
        let text = format!(
            "INSERT INTO ledger_refusal (size, witness, note, came_at) VALUES ($1, $2, $3, {}) ON CONFLICT DO NOTHING",
            tx.dialect().now()
        );
        let statement = Statement::new(text).bind(int(*size)?).bind(witness.as_str()).bind(note.as_str());
        Ok(tx.execute(statement).await? > 0)
    }
}
