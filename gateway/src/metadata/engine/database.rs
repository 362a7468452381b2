//! The pools of connections, and transactions on them.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backends::failpoint::fails_at;
use rustix::fs::{FlockOperation, flock};
use sqlx::SqlitePool;

use crate::clock::{Ambient, random, time_ordered_id};
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::postgres::PostgresPool;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::row_triggers;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::simulated;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// How long the outcome of a lost COMMIT is queried.
const RESOLVE_DEADLINE: Duration = Duration::from_secs(60);
/// Attempts of a transaction that fails on conflicts.
const ATTEMPTS: u32 = 5;

/// Either database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pools: Pools,
    ambient: Ambient,
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    Sqlite {
        /// One connection: SQLite has one writer.
        writer: SqlitePool,
        /// Read-only connections, which see the last commit.
        readers: SqlitePool,
        /// The writer is in a transaction, or may be: set before it begins and cleared after it was committed.
        unfinished: Arc<AtomicBool>,
        /// Holds the lock of the file until the pools are closed, or nobody has them any more.
        lock: Arc<File>,
    },
    Postgres(PostgresPool),
}

/// What one transaction does. It may be run several times, each time in a new transaction, and must do everything
/// through the session it is given.
pub(crate) trait Work: Send + Sync + 'static {
    /// What it answers.
    type Done: Send + 'static;

    /// What it changes goes into the journal. Not so what is about the journal itself, which would never end.
    const IS_JOURNALED: bool = true;

    /// Does it.
    fn run(&self, tx: &mut Session) -> impl Future<Output = Result<Self::Done>> + Send;
}

impl Database {
    pub(crate) fn new(pools: Pools, ambient: Ambient) -> Self {
        Self { pools, ambient }
    }

    /// A connection for statements that only read, each seeing what was committed before it.
    pub(crate) async fn reader(&self) -> Result<Session> {
        simulated::pass("read").await?;
        Ok(match &self.pools {
            Pools::Sqlite { readers, .. } => Session::Sqlite(simulated::acquire(readers).await?),
            Pools::Postgres(pool) => Session::Postgres(pool.acquire().await?),
        })
    }

    /// A connection for statements that only read, which all see what was committed before the first of them. It is closed when
    /// it is dropped: nobody else gets it with its transaction.
    pub(crate) async fn snapshot(&self) -> Result<Session> {
        let mut session = self.reader().await?;
        match &mut session {
            Session::Sqlite(connection) => {
                connection.close_on_drop();
                session.command("BEGIN").await?;
            }
            Session::Postgres(session) => {
                session.close_on_drop();
                session.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "").await?;
            }
        }
        Ok(session)
    }

    /// The rows of one statement that only reads.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Row>> {
        self.reader().await?.rows(statement).await
    }

    /// The first row of one statement that only reads.
    pub(crate) async fn row(&self, statement: Statement) -> Result<Option<Row>> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Runs work in a transaction of its own and commits it, in a task that goes on when the caller is dropped.
    pub(crate) async fn transact<W: Work>(&self, work: W) -> Result<W::Done> {
        let database = self.clone();
        let task = tokio::spawn(async move { database.transact_here(&work).await });
        task.await.map_err(|_| MetadataError::Unknown)?
    }

    /// Like [`Database::transact`], in the caller's task, which must not be dropped before the end.
    pub(crate) async fn transact_here<W: Work>(&self, work: &W) -> Result<W::Done> {
        let mut attempt = 1;
        loop {
            match self.attempt(work).await {
                Err(MetadataError::Conflict) if attempt < ATTEMPTS => {
                    let [jitter] = random::<1>(&*self.ambient.entropy);
                    tokio::time::sleep(Duration::from_millis(u64::from(jitter) * u64::from(attempt) / 16)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn attempt<W: Work>(&self, work: &W) -> Result<W::Done> {
        // Nothing goes by the time in it.
        let token = time_ordered_id(&self.ambient);
        if fails_at("begin") {
            return Err(unavailable_at("begin"));
        }
        let mut tx = self.begin(&token).await?;
        fail_at("begun").await?;
        if !W::IS_JOURNALED {
            pause_journal(&mut tx).await?;
        }
        // On an error the session is dropped, and with that rolled back.
        let done = work.run(&mut tx).await?;
        if !W::IS_JOURNALED && tx.dialect() == Dialect::Sqlite {
            tx.command(row_triggers::RESUME).await?;
        }
        fail_at("commit").await?;
        let committed = tx.command("COMMIT").await;
        // As if the reply had been lost.
        let is_lost = fails_at("committed") || simulated::pass("committed").await.is_err();
        let committed = if is_lost { Err(sqlx::Error::WorkerCrashed) } else { committed };
        let Err(error) = committed else {
            self.finished();
            self.note_commit(token);
            return Ok(done);
        };
        drop(tx);
        match refused(&error) {
            Some(reason) => Err(reason),
            None if self.committed(&token).await? => Ok(done),
            None => Err(MetadataError::Conflict), // certainly not committed: run it again
        }
    }

    /// Begins a transaction that writes. On PostgreSQL its first statement inserts the token by which anybody can find
    /// out later whether it was committed.
    pub(crate) async fn begin(&self, token: &[u8; 16]) -> Result<Session> {
        match &self.pools {
            Pools::Sqlite { writer, unfinished, .. } => {
                let mut tx = Session::Sqlite(simulated::acquire(writer).await?);
                simulated::pass("begin").await?;
                unfinished.store(true, Ordering::SeqCst);
                tx.command(row_triggers::BEGIN).await?;
                Ok(tx)
            }
            Pools::Postgres(pool) => {
                let mut session = pool.acquire().await?;
                session.begin("BEGIN", &insert_token(token)).await?;
                Ok(Session::Postgres(session))
            }
        }
    }

    /// A transaction was committed: its connection need not be rolled back.
    pub(crate) fn finished(&self) {
        if let Pools::Sqlite { unfinished, .. } = &self.pools {
            unfinished.store(false, Ordering::SeqCst);
        }
    }

    /// The transaction of this token was committed: a server that takes over must have it.
    fn note_commit(&self, token: [u8; 16]) {
        if let Pools::Postgres(pool) = &self.pools {
            pool.note_commit(token);
        }
    }

    /// Whether the database is known to lack commits that were acknowledged.
    pub(crate) fn lacks_commits(&self) -> bool {
        match &self.pools {
            Pools::Sqlite { .. } => false,
            Pools::Postgres(pool) => pool.lacks_commits(),
        }
    }

    /// An operator has decided that it counts all the same.
    pub(crate) fn accept_lost_commits(&self) {
        if let Pools::Postgres(pool) = &self.pools {
            pool.accept_lost_commits();
        }
    }

    /// Whether the transaction with this token was committed, when the reply to its COMMIT was lost. Inserting the same
    /// token waits until the old transaction has ended; then it conflicts exactly when that was committed. It is rolled back: a
    /// token that stayed would make the next attempt believe in a commit, should the reply to this one be lost as well.
    async fn committed(&self, token: &[u8; 16]) -> Result<bool> {
        let Pools::Postgres(pool) = &self.pools else {
            // SQLite is in this process: an error from COMMIT is an error of the disk, and what reached it will only be
            // known when the file is opened again.
            return Err(MetadataError::Unknown);
        };
        let insert = format!("{} ON CONFLICT (token) DO NOTHING", insert_token(token));
        let deadline = tokio::time::Instant::now() + RESOLVE_DEADLINE;
        while tokio::time::Instant::now() < deadline {
            let asked = async {
                let mut session = pool.acquire().await?;
                session.close_on_drop(); // should it end in the middle
                session.try_out(&insert).await
            };
            match tokio::time::timeout_at(deadline, asked).await {
                Ok(Ok(inserted)) => return Ok(inserted == 0),
                Ok(Err(error)) => tracing::warn!(%error, "querying the outcome of a COMMIT failed; retrying"),
                Err(_) => break,
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(MetadataError::Unknown)
    }

    /// Closes all connections, waiting for those in use.
    pub(crate) async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers, lock, .. } => {
                readers.close().await;
                writer.close().await;
                // Clones of the store may live on, and with them the file.
                if let Err(error) = flock(lock, FlockOperation::Unlock) {
                    tracing::warn!(%error, "the database lock could not be released and stays until the process ends");
                }
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// A connection that may write, without a transaction: what no production code may have.
    #[cfg(test)]
    pub(crate) async fn plain_writer(&self) -> Session {
        match &self.pools {
            Pools::Sqlite { writer, .. } => Session::Sqlite(simulated::acquire(writer).await.unwrap()),
            Pools::Postgres(pool) => Session::Postgres(pool.acquire().await.unwrap()),
        }
    }
}

/// Nothing that the transaction does from here on goes into the journal.
pub(crate) async fn pause_journal(tx: &mut Session) -> Result<()> {
    let text = match tx.dialect() {
        Dialect::Sqlite => row_triggers::PAUSE,
        Dialect::Postgres => "SET LOCAL haulout.unjournaled = 'on'",
    };
    Ok(tx.command(text).await?)
}

/// Where a test may end the process, or let a transaction fail.
async fn fail_at(point: &'static str) -> Result<()> {
    if fails_at(point) { Err(unavailable_at(point)) } else { simulated::pass(point).await }
}

fn unavailable_at(point: &str) -> MetadataError {
    MetadataError::Unavailable(format!("the test wants it at {point}"))
}

fn insert_token(token: &[u8; 16]) -> String {
    let now = Dialect::Postgres.now();
    let token = Dialect::Postgres.bytes_literal(&hex::encode(token));
    format!("INSERT INTO commit_token (token, created_at) VALUES ({token}, {now})")
}

/// Why COMMIT was certainly refused; none when its outcome is open.
fn refused(error: &sqlx::Error) -> Option<MetadataError> {
    let database = error.as_database_error()?;
    let code = database.code()?;
    let certain = if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        // A deferred constraint, serialization, deadlock.
        code.starts_with("23") || ["40001", "40002", "40P01"].contains(&&*code)
    } else {
        code.parse::<u32>().is_ok_and(|code| code & 0xff == 5) // busy
    };
    certain.then_some(MetadataError::Conflict)
}
