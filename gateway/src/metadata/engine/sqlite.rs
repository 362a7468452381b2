//! Opening the embedded database: one process, one file, nothing lost in a power cut.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::FlockOperation;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, Row, SqliteConnection, SqlitePool};

use crate::metadata::engine::database::Pools;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::migrate::{self, Target};
use crate::metadata::engine::{row, row_triggers, simulated};
use crate::metadata::error::{MetadataError, Result};

/// Read-only connections. Reads take tens of microseconds, so few are enough.
const READERS: u32 = 4;
/// Pages each connection may keep, in KiB: the kernel's cache holds the file anyway.
const WRITER_CACHE_KIB: u32 = 8_000;
const READER_CACHE_KIB: u32 = 4_000;
/// Pages of write-ahead log before they are moved into the file: 16 MiB, so that a page written by many groups is
/// moved and synced once.
const CHECKPOINT_PAGES: u32 = 4_000;

/// Opens or makes the file at `path`, whose directory must exist. What changes in the tables but `unjournaled` is recorded.
pub(crate) async fn open(path: &Path, unjournaled: &[&str]) -> Result<Pools> {
    let lock = Arc::new(lock(path)?);
    let unfinished = Arc::new(AtomicBool::new(false));
    let left_unfinished = unfinished.clone();
    let mut first = options(path).create_if_missing(true).connect().await?;
    migrate::migrate(&mut first).await?;
    let triggers: Arc<str> = row_triggers::script(&mut first, unjournaled).await?.into();
    first.close().await?;
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(10))
        .after_connect(move |connection, _| {
            let triggers = Arc::clone(&triggers);
            Box::pin(async move { connection.execute(sqlx::raw_sql(AssertSqlSafe(&*triggers))).await.map(drop) })
        })
        .after_release(move |connection, _| {
            // A trip to the connection's thread costs as much as a small statement: only if a transaction was left.
            let left = left_unfinished.swap(false, Ordering::SeqCst);
            Box::pin(async move { Ok(!left || roll_back(connection).await) })
        })
        .connect_with(options(path).pragma("cache_size", format!("-{WRITER_CACHE_KIB}")))
        .await?;
    refuse_unsafe_settings(&writer).await?;
    simulated::given_back(&writer).await;
    // No release hook here: a read-only connection never begins a transaction.
    let readers = SqlitePoolOptions::new()
        .max_connections(simulated::readers(READERS))
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(
            options(path).read_only(true).row_buffer_size(1_024).pragma("cache_size", format!("-{READER_CACHE_KIB}")),
        )
        .await?;
    Ok(Pools::Sqlite { writer, readers, unfinished, lock })
}

impl Target for SqliteConnection {
    const DIALECT: Dialect = Dialect::Sqlite;

    async fn run(&mut self, text: String) -> Result<()> {
        self.execute(sqlx::raw_sql(AssertSqlSafe(text))).await?;
        Ok(())
    }

    async fn rows(&mut self, text: String) -> Result<Vec<row::Row>> {
        let rows = self.fetch_all(sqlx::raw_sql(AssertSqlSafe(text))).await?;
        Ok(rows.into_iter().map(row::Row::Sqlite).collect())
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(512)
        .pragma("mmap_size", "0")
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging()
}

/// Takes the file's lock for this process. The database's own locks would allow a second gateway.
fn lock(path: &Path) -> Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(simulated::lock_name());
    let name = PathBuf::from(name);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|error| MetadataError::Unavailable(format!("{}: {error}", name.display())))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(MetadataError::Locked),
        Err(error) => Err(MetadataError::Unavailable(format!("{}: {error}", name.display()))),
    }
}

/// Reads back what was asked for: a file system may refuse the write-ahead log.
pub(crate) async fn refuse_unsafe_settings(pool: &SqlitePool) -> Result<()> {
    let mode: String = pool.fetch_one("PRAGMA journal_mode").await?.try_get(0)?;
    let synchronous: i64 = pool.fetch_one("PRAGMA synchronous").await?.try_get(0)?;
    if mode != "wal" {
        return Err(MetadataError::UnsafeSettings(format!("journal_mode is {mode}, not wal")));
    }
    if synchronous < 2 {
        return Err(MetadataError::UnsafeSettings(format!("synchronous is {synchronous}, not 2 (FULL) or more")));
    }
    Ok(())
}

/// Ends whatever transaction a dropped future has left behind. Answers whether the connection may be used again.
async fn roll_back(connection: &mut SqliteConnection) -> bool {
    match simulated::settle(connection.execute("ROLLBACK")).await {
        Ok(_) => true,
        Err(error) => error.to_string().contains("no transaction is active"),
    }
}
