//! The statements of a plan, gathered and sent together.

use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// Statements that only write.
pub(super) struct Writes {
    dialect: Dialect,
    statements: Vec<Statement>,
    /// Statements that change rows which were read and locked: which tables', from which statement to which, and how many
    /// rows in all.
    exact: Vec<(&'static str, std::ops::Range<usize>, usize)>,
}

impl Writes {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, statements: Vec::new(), exact: Vec::new() }
    }

    /// Which database they are for.
    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// `head (..), (..) tail` for all rows; nothing for none.
    pub(super) fn rows<const N: usize>(&mut self, head: &str, rows: Vec<[Value; N]>, tail: &str) {
        self.statements.extend(Statement::pieces(self.dialect, head, rows, tail));
    }

    /// The same for rows that were read and locked, and so must all be changed.
    pub(super) fn exactly<const N: usize>(
        &mut self,
        table: &'static str,
        head: &str,
        rows: Vec<[Value; N]>,
        tail: &str,
    ) {
        let (first, wanted) = (self.statements.len(), rows.len());
        self.rows(head, rows, tail);
        self.exact.push((table, first..self.statements.len(), wanted));
    }

    pub(super) async fn send(self, tx: &mut Session) -> Result<()> {
        let answers = tx.all(self.statements).await?;
        for (table, statements, wanted) in self.exact {
            let changed: u64 = answers.get(statements).unwrap_or_default().iter().map(|answer| answer.changed).sum();
            if usize::try_from(changed) != Ok(wanted) {
                // A locking defect: retrying the transaction is better than continuing.
                tracing::warn!(table, changed, wanted, "rows changed under a lock");
                return Err(MetadataError::Conflict);
            }
        }
        Ok(())
    }
}

/// A number of rows as a value.
pub(super) fn count(value: usize) -> Result<Value> {
    let value = i64::try_from(value).map_err(|_| MetadataError::Damaged("a count does not fit".to_owned()))?;
    Ok(Value::Int(value))
}
