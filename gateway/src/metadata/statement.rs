//! A statement with its values, written once for both databases.

use std::borrow::Cow;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Postgres, Sqlite};

use super::dialect::Dialect;
use super::{MetadataError, Result};

/// A value to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Int(i64),
    Bool(bool),
    Bytes(Vec<u8>),
    Text(String),
    /// NULL in a column of bytes; no other column may be NULL.
    NoBytes,
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        value.map_or(Self::NoBytes, Self::Bytes)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// SQL text and the values for its placeholders, in their order.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

impl Statement {
    /// A statement with placeholders `$1`, `$2`, ...
    pub(super) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Binds the next value.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// `head`, the rows as `(..), (..)`, `tail`: neither head nor tail may hold placeholders.
    pub(super) fn of_rows<const N: usize>(
        dialect: Dialect,
        head: &str,
        rows: impl ExactSizeIterator<Item = [Value; N]>,
        tail: &str,
    ) -> Self {
        let mut text = String::with_capacity(head.len() + tail.len() + rows.len() * (N * 5 + 3));
        let mut values = Vec::with_capacity(rows.len() * N);
        text.push_str(head);
        for (index, row) in rows.enumerate() {
            text.push_str(if index == 0 { "(" } else { ",(" });
            for (column, value) in row.into_iter().enumerate() {
                if column > 0 {
                    text.push(',');
                }
                values.push(value);
                dialect.push_placeholder(&mut text, values.len());
            }
            text.push(')');
        }
        text.push_str(tail);
        Self { text: text.into(), values }
    }

    /// As SQLite takes it.
    pub(super) fn for_sqlite(self) -> Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>> {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(self.values.len(), 0);
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Bool(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::NoBytes => arguments.add(None::<Vec<u8>>),
            }
            .map_err(|error| MetadataError::Damaged(error.to_string()))?;
        }
        Ok(match self.text {
            Cow::Borrowed(text) => sqlx::query_with(text, arguments),
            Cow::Owned(text) => sqlx::query_with(AssertSqlSafe(text), arguments),
        })
    }

    /// As PostgreSQL takes it.
    pub(super) fn for_postgres(self) -> Result<sqlx::query::Query<'static, Postgres, PgArguments>> {
        let mut arguments = PgArguments::default();
        arguments.reserve(self.values.len(), self.values.len() * 16);
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Bool(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::NoBytes => arguments.add(None::<Vec<u8>>),
            }
            .map_err(|error| MetadataError::Damaged(error.to_string()))?;
        }
        Ok(match self.text {
            Cow::Borrowed(text) => sqlx::query_with(text, arguments),
            Cow::Owned(text) => sqlx::query_with(AssertSqlSafe(text), arguments),
        })
    }
}
