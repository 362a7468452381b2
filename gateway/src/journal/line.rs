//! A line of the journal: rows of one table that went and came together.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Rows of one table, as JSON: bytes are text, `\x` and hexadecimal digits; flags are `true` and `false`, or 1 and 0.
#[derive(Debug, Serialize, Deserialize)]
pub struct JournalLine {
    /// The number of the change: of two changes of one row the later has the higher. 0 in snapshots.
    pub id: i64,
    /// When it was recorded, by the database's clock: microseconds since 1970.
    pub at: i64,
    /// Which transaction made it: all changes of one belong together. Absent in snapshots, and where earlier releases wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<i64>,
    /// The table.
    pub relation: String,
    /// An array of the primary keys of rows that went.
    pub removed: Box<RawValue>,
    /// An array of rows as they were after the change.
    pub written: Box<RawValue>,
}

impl JournalLine {
    /// A line from the JSON that the database holds. Line feeds, which JSON has only between values, become spaces.
    ///
    /// # Errors
    /// The text is no JSON.
    pub fn new(id: i64, at: i64, relation: &str, removed: &str, written: &str) -> Result<Self, serde_json::Error> {
        let array = |text: &str| RawValue::from_string(text.replace('\n', " "));
        let (removed, written) = (array(removed)?, array(written)?);
        Ok(Self { id, at, transaction: None, relation: relation.to_owned(), removed, written })
    }

    /// The same, made by a transaction.
    #[must_use]
    pub fn by(self, transaction: i64) -> Self {
        Self { transaction: Some(transaction), ..self }
    }

    /// Bytes of it, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.removed.get().len() + self.written.get().len() + self.relation.len() + 80
    }
}
