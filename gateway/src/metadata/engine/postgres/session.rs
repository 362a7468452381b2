//! One held connection to PostgreSQL.

use std::time::Duration;

use futures::TryStreamExt;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Either, Executor, Postgres};

use crate::metadata::engine::postgres::following::Watch;
use crate::metadata::engine::postgres::link::Link;
use crate::metadata::engine::row::{Answer, Row};
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// PostgreSQL gives up on a statement by itself after 30 s; when not even that answer arrives, the network is gone.
const REPLY_TIMEOUT: Duration = Duration::from_secs(40);

/// A connection taken from its pool.
pub(crate) struct PostgresSession {
    connection: PoolConnection<Postgres>,
    link: Link,
    watch: Watch,
    in_transaction: bool,
}

impl PostgresSession {
    pub(super) fn new(connection: PoolConnection<Postgres>, link: Link, watch: Watch) -> Self {
        Self { connection, link, watch, in_transaction: false }
    }

    /// Nobody else gets the connection.
    pub(crate) fn close_on_drop(&mut self) {
        self.connection.close_on_drop();
    }

    /// Begins a transaction by `begin` (BEGIN and its modes), and runs statements without values in the same trip.
    pub(crate) async fn begin(&mut self, begin: &str, statements: &str) -> Result<(), sqlx::Error> {
        self.in_transaction = true;
        self.run_text(format!("{begin}{}; {statements}", self.link.bounds())).await.map(drop)
    }

    /// Ends the transaction, or runs other text without values in it.
    pub(crate) async fn command(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        let work = self.connection.execute(text);
        let done = self.watch.answered(REPLY_TIMEOUT, work).await;
        self.ended_by(done).map(drop)
    }

    /// Begins a transaction, runs statements without values, and rolls it back: how many rows they would have changed. Whoever drops
    /// this in the middle must have the connection closed.
    pub(crate) async fn try_out(&mut self, statements: &str) -> Result<u64, sqlx::Error> {
        self.run_text(format!("BEGIN{}; {statements}; ROLLBACK", self.link.bounds())).await
    }

    /// Runs a statement, whether it answers rows or changes them.
    pub(crate) async fn run(&mut self, statement: Statement) -> Result<Answer> {
        if self.link == Link::Direct || self.in_transaction {
            return self.run_here(statement).await;
        }
        self.begin("BEGIN", "").await?;
        let answer = self.run_here(statement).await?;
        self.command("COMMIT").await?;
        self.in_transaction = false;
        Ok(answer)
    }

    async fn run_here(&mut self, statement: Statement) -> Result<Answer> {
        let query = statement.for_postgres()?.persistent(self.link == Link::Direct);
        let connection = &mut self.connection;
        let work = async {
            let mut answer = Answer { changed: 0, rows: Vec::new() };
            let mut steps = connection.fetch_many(query);
            while let Some(step) = steps.try_next().await? {
                match step {
                    Either::Right(row) => answer.rows.push(Row::Postgres(row)),
                    Either::Left(done) => answer.changed += done.rows_affected(),
                }
            }
            Ok(answer)
        };
        let answer = self.watch.answered(REPLY_TIMEOUT, work).await;
        Ok(self.ended_by(answer)?)
    }

    async fn run_text(&mut self, text: String) -> Result<u64, sqlx::Error> {
        let work = self.connection.execute(sqlx::raw_sql(AssertSqlSafe(text)));
        let done = self.watch.answered(REPLY_TIMEOUT, work).await;
        self.ended_by(done).map(|done| done.rows_affected())
    }

    /// Closes a connection of which no reply will come, or whose server is going or has become a standby.
    fn ended_by<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let is_useless = match &result {
            Ok(_) => false,
            Err(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code == "25006" || code.starts_with("57P"))
            }
            Err(_) => true,
        };
        if is_useless {
            self.connection.close_on_drop();
        }
        result
    }
}
