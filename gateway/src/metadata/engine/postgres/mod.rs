//! Opening PostgreSQL: any number of gateways, nothing lost in a crash of the server.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool, Row};

use crate::metadata::engine::database::Pools;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::migrate;
use crate::metadata::error::{MetadataError, Result};

/// Connections of one gateway.
const CONNECTIONS: u32 = 16;
/// Settings without which the server forgets acknowledged commits or tears pages in a power cut.
const MUST_NOT_BE_OFF: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// Connects to the database of a `postgres://` URL, which must exist.
pub(crate) async fn open(url: &str) -> Result<Pools> {
    // The URL may hold a password, so it is not repeated in the message.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| MetadataError::Unavailable("the postgres:// URL cannot be read".to_owned()))?
        .application_name("haulout")
        .statement_cache_capacity(256)
        .options([
            ("lock_timeout", "5s"),
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("default_transaction_isolation", "read committed"),
            // Not that what a migration would make is there already.
            ("client_min_messages", "warning"),
        ])
        .disable_statement_logging();
    // A connection of its own, because concurrent gateways take turns by a lock of the session.
    let mut connection = PgConnection::connect_with(&options).await?;
    refuse_unsafe_settings(&mut connection).await?;
    let applied = migrate::applied(&mut connection).await?;
    migrate::run(&mut connection, Dialect::Postgres, &applied).await?;
    connection.close().await?;
    Ok(Pools::Postgres(pool(options).await?))
}

/// The pool. Its release hook ends whatever transaction a dropped future has left open: without it the next borrower's
/// writes would be part of that transaction, acknowledged and then lost.
async fn pool(options: PgConnectOptions) -> Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .test_before_acquire(false)
        .idle_timeout(Duration::from_secs(300))
        .max_lifetime(Duration::from_secs(1_800))
        .acquire_timeout(Duration::from_secs(10))
        .after_release(|connection, _| Box::pin(async move { Ok(roll_back(connection).await) }))
        .connect_with(options)
        .await?)
}

async fn refuse_unsafe_settings(connection: &mut PgConnection) -> Result<()> {
    for setting in MUST_NOT_BE_OFF {
        let row = sqlx::query("SELECT current_setting($1, TRUE)").bind(setting).fetch_one(&mut *connection).await?;
        // Absent where the database speaks PostgreSQL but is another.
        if row.try_get::<Option<String>, _>(0)?.as_deref() == Some("off") {
            return Err(MetadataError::UnsafeSettings(format!("{setting} is off on the PostgreSQL server")));
        }
    }
    Ok(())
}

/// Answers whether the connection may be used again. A transaction is begun to end it, because the server logs a warning of every
/// ROLLBACK that has nothing to roll back; a transaction that failed takes no BEGIN, only the ROLLBACK.
async fn roll_back(connection: &mut PgConnection) -> bool {
    let end = async {
        match connection.execute("BEGIN; ROLLBACK").await {
            Err(sqlx::Error::Database(_)) => connection.execute("ROLLBACK").await,
            done => done,
        }
    };
    matches!(tokio::time::timeout(Duration::from_secs(5), end).await, Ok(Ok(_)))
}
