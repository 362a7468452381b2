//! One held connection of either database.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Executor, Postgres, Sqlite};

use super::dialect::Dialect;
use super::row::Row;
use super::statement::{Statement, Value};
use super::{MetadataError, Result};

/// PostgreSQL gives up on a statement by itself after 30 s; when not even that is heard, the network is gone.
const REPLY_TIMEOUT: Duration = Duration::from_secs(40);

/// A connection taken from its pool. When it is dropped in the middle of a transaction, the pool's release hook rolls it back.
pub(super) enum Session {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Session {
    /// Which database.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement and answers how many rows it changed.
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64> {
        match self {
            Self::Sqlite(connection) => {
                let done = statement.for_sqlite()?.execute(&mut **connection).await?;
                Ok(done.rows_affected())
            }
            Self::Postgres(connection) => {
                let work = statement.for_postgres()?.execute(&mut **connection);
                let Ok(done) = tokio::time::timeout(REPLY_TIMEOUT, work).await else {
                    return Err(gone(connection));
                };
                Ok(done?.rows_affected())
            }
        }
    }

    /// Runs a statement and answers its rows.
    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(connection) => {
                let rows = statement.for_sqlite()?.fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(connection) => {
                let work = statement.for_postgres()?.fetch_all(&mut **connection);
                let Ok(rows) = tokio::time::timeout(REPLY_TIMEOUT, work).await else {
                    return Err(gone(connection));
                };
                Ok(rows?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Runs a statement that answers at most one row that matters.
    pub(super) async fn row(&mut self, statement: Statement) -> Result<Option<Row>> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Runs a statement over many rows of values, in as many pieces as the database needs: `head (..), (..) tail`.
    pub(super) async fn execute_rows<const N: usize>(
        &mut self,
        head: &str,
        rows: Vec<[Value; N]>,
        tail: &str,
    ) -> Result<u64> {
        let dialect = self.dialect();
        let mut changed = 0;
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let size = piece_size(rows.len(), dialect.values_max() / N);
            let piece: Vec<_> = rows.by_ref().take(size).collect();
            changed += self.execute(Statement::of_rows(dialect, head, piece.into_iter(), tail)).await?;
        }
        Ok(changed)
    }

    /// Like [`Session::execute_rows`], for statements that answer rows.
    pub(super) async fn rows_of_rows<const N: usize>(
        &mut self,
        head: &str,
        rows: Vec<[Value; N]>,
        tail: &str,
    ) -> Result<Vec<Row>> {
        let dialect = self.dialect();
        let mut found = Vec::new();
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let size = piece_size(rows.len(), dialect.values_max() / N);
            let piece: Vec<_> = rows.by_ref().take(size).collect();
            let mut more = self.rows(Statement::of_rows(dialect, head, piece.into_iter(), tail)).await?;
            if found.is_empty() { found = more } else { found.append(&mut more) }
        }
        Ok(found)
    }

    /// Runs text without values: BEGIN, COMMIT and the like.
    pub(super) async fn command(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.execute(text).await.map(drop),
            Self::Postgres(connection) => {
                let Ok(done) = tokio::time::timeout(REPLY_TIMEOUT, connection.execute(text)).await else {
                    connection.close_on_drop();
                    return Err(sqlx::Error::PoolTimedOut);
                };
                done.map(drop)
            }
        }
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

fn gone(connection: &mut PoolConnection<Postgres>) -> MetadataError {
    connection.close_on_drop();
    MetadataError::Unavailable("no reply from the database".to_owned())
}
