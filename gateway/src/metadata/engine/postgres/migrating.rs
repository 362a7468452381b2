//! Migrating PostgreSQL while other gateways may do the same.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection};

use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::migrate::{self, Target};
use crate::metadata::engine::postgres::link::Link;
use crate::metadata::engine::row::Row;
use crate::metadata::error::{MetadataError, Result};

/// How long gateways that migrate at once give way to each other.
const GIVE_WAY_FOR: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(100);

struct Migrating {
    connection: PgConnection,
    link: Link,
}

impl Target for Migrating {
    const DIALECT: Dialect = Dialect::Postgres;

    async fn run(&mut self, text: String) -> Result<()> {
        let text = match text.strip_prefix("BEGIN") {
            Some(rest) => format!("BEGIN{}{rest}", self.link.bounds()),
            None => text,
        };
        self.connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await?;
        Ok(())
    }

    async fn rows(&mut self, text: String) -> Result<Vec<Row>> {
        let rows = self.connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(text))).await?;
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }
}

/// Brings the schema up to date. When another gateway was first, looks again through a new connection: the old one is in a transaction
/// that failed.
pub(super) async fn migrate(connection: PgConnection, options: &PgConnectOptions, link: Link) -> Result<PgConnection> {
    let deadline = tokio::time::Instant::now() + GIVE_WAY_FOR;
    let mut migrating = Migrating { connection, link };
    loop {
        match migrate::migrate(&mut migrating).await {
            Ok(()) => return Ok(migrating.connection),
            Err(error @ (MetadataError::Conflict | MetadataError::Unavailable(_)))
                if tokio::time::Instant::now() < deadline =>
            {
                tracing::warn!(%error, "another gateway seems to migrate the database; looking again");
                tokio::time::sleep(PAUSE).await;
                migrating.connection = options.connect().await?;
            }
            Err(error) => return Err(error),
        }
    }
}
