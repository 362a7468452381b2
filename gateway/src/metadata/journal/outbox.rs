//! What was committed and is in no segment yet.

use crate::journal::line::JournalLine;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

impl MetadataStore {
    /// The first changes that no segment holds, in the order of their numbers: up to so many, and up to some bytes, but one at least.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn unjournaled_changes(&self, most: usize, bytes_max: usize) -> Result<Vec<JournalLine>> {
        // One statement sees all of one moment: what a later change relies on was committed before it, and is seen.
        let text = "SELECT id, recorded_at, relation, removed, written FROM (SELECT id, recorded_at, relation, removed, written, \
                    SUM(length(removed) + length(written)) OVER (ORDER BY id) - length(removed) - length(written) AS ahead \
                    FROM journal_outbox ORDER BY id LIMIT $1) AS page WHERE ahead < $2 ORDER BY id";
        let rows = self.database().rows(Statement::new(text).bind(limit(most)).bind(limit(bytes_max))).await?;
        let line = |row: &Row| {
            JournalLine::new(row.int(0)?, row.int(1)?, row.text(2)?, row.text(3)?, row.text(4)?)
                .map_err(|error| MetadataError::Damaged(format!("a change in the journal's outbox: {error}")))
        };
        rows.iter().map(line).collect()
    }

    /// How many changes no segment holds, as far as a count up to `most` goes, and how old the oldest is in microseconds.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn unjournaled(&self, most: usize) -> Result<(u64, i64)> {
        let mut session = self.database().reader().await?;
        let now = session.dialect().now();
        let text = format!(
            "SELECT COUNT(*), COALESCE({now} - MIN(recorded_at), 0) FROM \
             (SELECT recorded_at FROM journal_outbox ORDER BY id LIMIT $1) AS waiting"
        );
        let row = session.row(Statement::new(text).bind(limit(most))).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.number(0)?, row.int(1)?)))
    }

    /// The number of the last change; all that was committed before this call has it or a lower one. None when segments hold everything.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn last_unjournaled(&self) -> Result<Option<i64>> {
        let row = self.database().row(Statement::new("SELECT MAX(id) FROM journal_outbox")).await?;
        row.map_or(Ok(None), |row| row.number_if_any(0))
    }

    /// Whether segments hold all changes up to a number.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn is_journaled(&self, upto: i64) -> Result<bool> {
        let text = "SELECT id FROM journal_outbox WHERE id <= $1 ORDER BY id LIMIT 1";
        Ok(self.database().row(Statement::new(text).bind(upto)).await?.is_none())
    }
}

/// The numbers of all changes that no segment holds, if there are no more than `most`.
pub(super) async fn waiting(session: &mut Session, most: usize) -> Result<Option<Vec<i64>>> {
    let text = "SELECT id FROM journal_outbox ORDER BY id LIMIT $1";
    let rows = session.rows(Statement::new(text).bind(limit(most + 1))).await?;
    let ids = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>>>()?;
    Ok((ids.len() <= most).then_some(ids))
}
