//! What lies between the gateway and the server: nothing, or a pooler that lends a server's session for one transaction at a time.
//!
//! Such a pooler (pgbouncer in transaction mode, those of the clouds) refuses or forgets the settings that a connection begins with, and
//! what one transaction prepares the next one does not find.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection as _, Executor, PgConnection, Row};

/// The bounds of every statement and transaction.
const BOUNDS: [(&str, &str); 3] =
    [("lock_timeout", "5s"), ("statement_timeout", "30s"), ("idle_in_transaction_session_timeout", "10s")];
/// The same within one transaction.
const LOCAL_BOUNDS: &str = "; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'; \
                            SET LOCAL idle_in_transaction_session_timeout = '10s'";
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 256;

/// How connections reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Each connection has a session of the server: bounds are set when it begins, statements are prepared once.
    Direct,
    /// Each transaction has some session: bounds are set in each, statements have no names, and no statement is without a
    /// transaction, because what prepares it and what runs it must meet the same session.
    Pooled,
}

impl Link {
    /// What follows BEGIN.
    pub(super) fn bounds(self) -> &'static str {
        match self {
            Self::Direct => "",
            Self::Pooled => LOCAL_BOUNDS,
        }
    }

    /// What connections begin with.
    pub(super) fn options(self, options: PgConnectOptions) -> PgConnectOptions {
        match self {
            Self::Direct => options.statement_cache_capacity(STATEMENTS).options(BOUNDS).options([
                ("default_transaction_isolation", "read committed"),
                // Not that what a migration would make is there already.
                ("client_min_messages", "warning"),
            ]),
            Self::Pooled => options.statement_cache_capacity(0).extra_float_digits(None),
        }
    }

    /// Connects, and finds out how: a pooler says that it does not know the settings, or does not have them afterwards.
    pub(super) async fn connect(options: &PgConnectOptions) -> Result<(PgConnection, Self), sqlx::Error> {
        match Self::Direct.options(options.clone()).connect().await {
            Ok(mut connection) => {
                let row = connection.fetch_one(sqlx::raw_sql("SELECT current_setting('lock_timeout')")).await?;
                if row.try_get::<String, _>(0)? == BOUNDS[0].1 {
                    return Ok((connection, Self::Direct));
                }
                connection.close().await?;
            }
            Err(error) if is_refusal_of_settings(&error) => {}
            Err(error) => return Err(error),
        }
        Ok((Self::Pooled.options(options.clone()).connect().await?, Self::Pooled))
    }
}

/// pgbouncer: `unsupported startup parameter: options`, with the code of a protocol violation. Neon's pooler says it in other words.
fn is_refusal_of_settings(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    error.code().is_some_and(|code| code == "08P01") || error.message().contains("startup parameter")
}
