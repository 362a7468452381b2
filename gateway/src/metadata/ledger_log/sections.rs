//! Appends the section of an epoch to the log.

use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;
use crate::metadata::ledger_log::log_rows::{END, LogEnd, end};

/// The leaves of an epoch with the checkpoint at their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSection {
    /// Where the log ended when the section was made.
    pub before: LogEnd,
    /// Where it will end.
    pub after: LogEnd,
    /// The leaves between.
    pub leaves: Vec<String>,
    /// What the epoch was settled from.
    pub inputs: Vec<u8>,
    /// The signed checkpoint.
    pub note: String,
}

impl MetadataStore {
    /// Appends a section; says whether the log still ended where it begins. If not, somebody else has appended, and nothing changed.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn append_log_section(&self, section: LogSection) -> Result<bool> {
        self.database().transact(Append(section)).await
    }
}

struct Append(LogSection);

impl Work for Append {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let LogSection { before, after, leaves, inputs, note } = &self.0;
        // Two that append at once both pass here; the second finds the keys of the first taken, and runs again.
        let row = tx.row(Statement::new(END)).await?;
        if row.as_ref().map(end).transpose()?.unwrap_or_default() != *before {
            return Ok(false);
        }
        let rows = (before.size..).zip(leaves).map(|(number, leaf)| Ok([int(number)?.into(), leaf.as_str().into()]));
        let rows = rows.collect::<Result<Vec<[Value; 2]>>>()?;
        tx.execute_rows("INSERT INTO ledger_leaf (number, leaf) VALUES ", rows, "").await?;
        let text = format!(
            "INSERT INTO ledger_checkpoint (size, epoch, through, transfers, frontier, inputs, note, signed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, {})",
            tx.dialect().now()
        );
        let statement = Statement::new(text).bind(int(after.size)?).bind(int(after.epoch)?).bind(int(after.through)?);
        let statement = statement.bind(int(after.transfers)?).bind(after.frontier.concat());
        tx.execute(statement.bind(inputs.clone()).bind(note.as_str())).await?;
        Ok(true)
    }
}
