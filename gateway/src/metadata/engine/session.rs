//! One held connection of either database.

use futures::TryStreamExt;
use sqlx::{Either, Executor};

use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::postgres::PostgresSession;
use crate::metadata::engine::row::{Answer, Row};
use crate::metadata::engine::simulated::{self, Lease, settle};
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// A connection taken from its pool. When it is dropped in the middle of a transaction, the pool's release hook rolls it back.
pub(crate) enum Session {
    Sqlite(Lease),
    Postgres(PostgresSession),
}

impl Session {
    /// Which database.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Whether no other gateway can work on this database: the lock of SQLite's file sees to that.
    pub(crate) fn is_alone(&self) -> bool {
        self.dialect() == Dialect::Sqlite && !simulated::is_shared()
    }

    /// Runs a statement and answers how many rows it changed.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64> {
        match self {
            Self::Sqlite(connection) => {
                let done = settle(statement.for_sqlite()?.execute(&mut **connection)).await?;
                Ok(done.rows_affected())
            }
            Self::Postgres(session) => Ok(session.run(statement).await?.changed),
        }
    }

    /// Runs a statement and answers its rows.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(connection) => {
                let rows = settle(statement.for_sqlite()?.fetch_all(&mut **connection)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(session) => Ok(session.run(statement).await?.rows),
        }
    }

    /// Runs a statement that answers at most one row that matters.
    pub(crate) async fn row(&mut self, statement: Statement) -> Result<Option<Row>> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Runs statements one after the other and answers what each did. On SQLite they make one trip to the connection's
    /// thread, which costs more than most statements do.
    pub(crate) async fn all(&mut self, statements: Vec<Statement>) -> Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(statements.len());
        if statements.is_empty() {
            return Ok(answers);
        }
        match self {
            Self::Sqlite(connection) => {
                let query = Statement::joined(statements).for_sqlite()?;
                let work = async {
                    let mut steps = connection.fetch_many(query);
                    let mut rows = Vec::new();
                    while let Some(step) = steps.try_next().await? {
                        match step {
                            Either::Right(row) => rows.push(Row::Sqlite(row)),
                            Either::Left(done) => {
                                answers.push(Answer { changed: done.rows_affected(), rows: std::mem::take(&mut rows) });
                            }
                        }
                    }
                    Ok::<_, MetadataError>(())
                };
                settle(work).await?;
            }
            Self::Postgres(session) => {
                for statement in statements {
                    answers.push(session.run(statement).await?);
                }
            }
        }
        Ok(answers)
    }

    /// Runs a statement over many rows of values, in as many pieces as the database needs: `head (..), (..) tail`.
    pub(crate) async fn execute_rows<const N: usize>(
        &mut self,
        head: &str,
        rows: Vec<[Value; N]>,
        tail: &str,
    ) -> Result<u64> {
        let answers = self.all(Statement::pieces(self.dialect(), head, rows, tail)).await?;
        Ok(answers.iter().map(|answer| answer.changed).sum())
    }

    /// Like [`Session::execute_rows`], for statements that answer rows.
    pub(crate) async fn rows_of_rows<const N: usize>(
        &mut self,
        head: &str,
        rows: Vec<[Value; N]>,
        tail: &str,
    ) -> Result<Vec<Row>> {
        let answers = self.all(Statement::pieces(self.dialect(), head, rows, tail)).await?;
        Ok(answers.into_iter().flat_map(|answer| answer.rows).collect())
    }

    /// Runs text without values: BEGIN, COMMIT and the like.
    pub(crate) async fn command(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => settle(connection.execute(text)).await.map(drop),
            Self::Postgres(session) => session.command(text).await,
        }
    }
}
