//! What either database answers: rows, read by position.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::metadata::error::{MetadataError, Result};

/// One row of a result.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What one of several statements did.
pub(crate) struct Answer {
    /// How many rows it changed.
    pub changed: u64,
    /// The rows it answered.
    pub rows: Vec<Row>,
}

/// Decodes column `index` as `$type` from whichever row it is. The types were chosen by the statement, so the drivers' own
/// comparison of type names is skipped.
macro_rules! column {
    ($row:expr, $index:expr, $type:ty) => {
        match $row {
            Row::Sqlite(row) => row.try_get_unchecked::<$type, _>($index),
            Row::Postgres(row) => row.try_get_unchecked::<$type, _>($index),
        }
        .map_err(|error| MetadataError::Damaged(format!("column {}: {error}", $index)))
    };
}

impl Row {
    /// An integer.
    pub(crate) fn int(&self, index: usize) -> Result<i64> {
        column!(self, index, i64)
    }

    /// A length, count or other number that cannot be negative and must fit `T`.
    pub(crate) fn number<T: TryFrom<i64>>(&self, index: usize) -> Result<T> {
        let value = self.int(index)?;
        T::try_from(value).map_err(|_| MetadataError::Damaged(format!("column {index}: {value} is out of range")))
    }

    /// A number, or none where the column is NULL (an outer join).
    pub(crate) fn number_if_any<T: TryFrom<i64>>(&self, index: usize) -> Result<Option<T>> {
        match column!(self, index, Option<i64>)? {
            None => Ok(None),
            Some(value) => T::try_from(value)
                .map(Some)
                .map_err(|_| MetadataError::Damaged(format!("column {index}: {value} is out of range"))),
        }
    }

    /// A flag.
    pub(crate) fn flag(&self, index: usize) -> Result<bool> {
        column!(self, index, bool)
    }

    /// A flag, or none where the column is NULL.
    pub(crate) fn flag_if_any(&self, index: usize) -> Result<Option<bool>> {
        column!(self, index, Option<bool>)
    }

    /// Text.
    pub(crate) fn text(&self, index: usize) -> Result<&str> {
        column!(self, index, &str)
    }

    /// Bytes.
    pub(crate) fn bytes(&self, index: usize) -> Result<&[u8]> {
        column!(self, index, &[u8])
    }

    /// Bytes, or none where the column is NULL.
    pub(crate) fn bytes_if_any(&self, index: usize) -> Result<Option<&[u8]>> {
        column!(self, index, Option<&[u8]>)
    }

    /// Exactly `N` bytes.
    pub(crate) fn array<const N: usize>(&self, index: usize) -> Result<[u8; N]> {
        let bytes = self.bytes(index)?;
        bytes.try_into().map_err(|_| {
            MetadataError::Damaged(format!("column {index}: {} bytes where {N} are expected", bytes.len()))
        })
    }
}
