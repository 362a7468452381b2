//! A statement with its values, written once for both databases.

use std::borrow::Cow;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Database, Encode, IntoArguments, Postgres, Sqlite, Type};

use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::simulated;
use crate::metadata::error::{MetadataError, Result};

/// A value to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Int(i64),
    Bool(bool),
    Bytes(Vec<u8>),
    Text(String),
    /// NULL in a column of bytes.
    NoBytes,
    /// NULL in a column of integers.
    NoInt,
    /// NULL in a column of flags.
    NoBool,
    /// NULL in a column of text.
    NoText,
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
pub(crate) struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

impl Statement {
    /// A statement with placeholders `$1`, `$2`, ...
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Binds the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The same values under another text.
    pub(crate) fn with_text(self, text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), ..self }
    }

    /// `head`, the rows as `(..), (..)`, `tail`: neither head nor tail may hold placeholders.
    pub(crate) fn of_rows<const N: usize>(
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

    /// Like [`Statement::of_rows`], in as many pieces as the database needs.
    pub(crate) fn pieces<const N: usize>(dialect: Dialect, head: &str, rows: Vec<[Value; N]>, tail: &str) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let size = piece_size(rows.len(), dialect.values_max() / N);
            let piece: Vec<_> = rows.by_ref().take(size).collect();
            pieces.push(Self::of_rows(dialect, head, piece.into_iter(), tail));
        }
        pieces
    }

    /// Several statements as one text for SQLite, which runs them one after the other. Their placeholders must appear in the
    /// order of their numbers, each once, because here they are counted.
    pub(crate) fn joined(statements: Vec<Self>) -> Self {
        let mut text = String::with_capacity(statements.iter().map(|statement| statement.text.len() + 1).sum());
        let mut values = Vec::with_capacity(statements.iter().map(|statement| statement.values.len()).sum());
        for statement in statements {
            if !text.is_empty() {
                text.push(';');
            }
            let mut parts = statement.text.split('$');
            text.push_str(parts.next().unwrap_or_default());
            for part in parts {
                text.push('?');
                text.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
            }
            values.extend(statement.values);
        }
        Self { text: text.into(), values }
    }

    /// As SQLite takes it.
    pub(crate) fn for_sqlite(mut self) -> Result<Query<'static, Sqlite, SqliteArguments>> {
        self.text = simulated::with_its_time(self.text);
        let mut arguments = SqliteArguments::default();
        arguments.reserve(self.values.len(), 0);
        self.with(arguments)
    }

    /// As PostgreSQL takes it.
    pub(crate) fn for_postgres(self) -> Result<Query<'static, Postgres, PgArguments>> {
        let mut arguments = PgArguments::default();
        arguments.reserve(self.values.len(), self.values.len() * 16);
        self.with(arguments)
    }

    fn with<D>(self, mut arguments: D::Arguments) -> Result<Query<'static, D, D::Arguments>>
    where
        D: Database,
        D::Arguments: Arguments<Database = D> + IntoArguments<D>,
        i64: Encode<'static, D> + Type<D>,
        bool: Encode<'static, D> + Type<D>,
        Vec<u8>: Encode<'static, D> + Type<D>,
        String: Encode<'static, D> + Type<D>,
        Option<Vec<u8>>: Encode<'static, D> + Type<D>,
        Option<i64>: Encode<'static, D> + Type<D>,
        Option<bool>: Encode<'static, D> + Type<D>,
        Option<String>: Encode<'static, D> + Type<D>,
    {
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Bool(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::NoBytes => arguments.add(None::<Vec<u8>>),
                Value::NoInt => arguments.add(None::<i64>),
                Value::NoBool => arguments.add(None::<bool>),
                Value::NoText => arguments.add(None::<String>),
            }
            .map_err(|error| MetadataError::Damaged(error.to_string()))?;
        }
        Ok(match self.text {
            Cow::Borrowed(text) => sqlx::query_with(text, arguments),
            Cow::Owned(text) => sqlx::query_with(AssertSqlSafe(text), arguments),
        })
    }
}

/// How many of the remaining rows go into the next statement. Only few sizes occur, so that prepared statements are used
/// again: every number up to 32, then 128 and 512.
fn piece_size(remaining: usize, most: usize) -> usize {
    let size = match remaining {
        0..=32 => remaining,
        33..=127 => 32,
        128..=511 => 128,
        _ => 512,
    };
    size.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_joined_with_their_values_in_order() {
        let rows = vec![[Value::Int(3), Value::Int(4)], [Value::Int(5), Value::Int(6)]];
        let mut statements = vec![Statement::new("UPDATE a SET b = $1 WHERE c = $2").bind(1_i64).bind(2_i64)];
        statements.extend(Statement::pieces(Dialect::Sqlite, "INSERT INTO d VALUES ", rows, " RETURNING e"));
        let joined = Statement::joined(statements);
        assert_eq!(joined.text, "UPDATE a SET b = ? WHERE c = ?;INSERT INTO d VALUES (?,?),(?,?) RETURNING e");
        assert_eq!(joined.values, (1..=6).map(Value::Int).collect::<Vec<_>>());
    }

    #[test]
    fn rows_are_cut_into_pieces_the_database_can_take() {
        let pieces = |rows: usize| {
            let rows = (0..rows).map(|_| [const { Value::NoInt }; 100]).collect();
            let pieces = Statement::pieces(Dialect::Postgres, "", rows, "");
            pieces.iter().map(|piece| piece.values.len() / 100).collect::<Vec<_>>()
        };
        assert_eq!(pieces(0), [0; 0]);
        assert_eq!(pieces(31), [31]);
        assert_eq!(pieces(70), [32, 32, 6]);
        assert_eq!(pieces(1_100), [512, 512, 32, 32, 12]);
        assert!(
            Statement::pieces(Dialect::Sqlite, "", vec![[const { Value::NoInt }; 100]; 700], "")[0].values.len()
                <= 32_000
        );
    }
}
