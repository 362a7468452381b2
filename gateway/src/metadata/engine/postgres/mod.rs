//! PostgreSQL: any number of gateways, nothing lost in a crash of the server, and of several servers the one that takes writes.

mod following;
mod link;
mod migrating;
mod pool;
mod servers;
mod session;

use sqlx::{Connection as _, Executor, PgConnection, Row};

use crate::metadata::engine::postgres::servers::Servers;
use crate::metadata::error::{MetadataError, Result};

pub(crate) use pool::PostgresPool;
pub(crate) use session::PostgresSession;

/// Settings without which the server forgets acknowledged commits or tears pages in a power cut.
const MUST_NOT_BE_OFF: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// Connects to the database of a `postgres://` URL, which must exist. The URL may name several servers.
pub(crate) async fn open(url: &str) -> Result<PostgresPool> {
    let servers = Servers::parse(url)?;
    let mut opened = servers.open().await?;
    refuse_unsafe_settings(&mut opened.connection).await?;
    let mut connection = migrating::migrate(opened.connection, &opened.options, opened.link).await?;
    refuse_cached_sequences(&mut connection).await?;
    connection.close().await?;
    Ok(PostgresPool::new(servers, opened.primary, opened.options, opened.link))
}

async fn refuse_unsafe_settings(connection: &mut PgConnection) -> Result<()> {
    for setting in MUST_NOT_BE_OFF {
        let text = format!("SELECT current_setting('{setting}', TRUE)");
        let row = connection.fetch_one(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await?;
        // Absent where the database speaks PostgreSQL but is another.
        if row.try_get::<Option<String>, _>(0)?.as_deref() == Some("off") {
            return Err(MetadataError::UnsafeSettings(format!("{setting} is off on the PostgreSQL server")));
        }
    }
    Ok(())
}

/// Refuses sequences of which each connection takes numbers in advance, because then a number that is taken later may be the smaller:
/// events of one object would be sent in the wrong order, and reads would be believed to be over that are not.
async fn refuse_cached_sequences(connection: &mut PgConnection) -> Result<()> {
    let text = "SELECT relname::TEXT FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid \
                WHERE relnamespace = current_schema()::REGNAMESPACE AND seqcache > 1 ORDER BY relname LIMIT 1";
    let Some(row) = connection.fetch_optional(sqlx::raw_sql(text)).await? else { return Ok(()) };
    let name: String = row.try_get(0)?;
    Err(MetadataError::UnsafeSettings(format!(
        "the sequence {name} gives each connection numbers in advance: ALTER SEQUENCE {name} CACHE 1, and set the server not to do so"
    )))
}
