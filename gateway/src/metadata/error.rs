//! What can go wrong with the database, by what the caller should do about it.

/// A metadata operation that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MetadataError {
    /// Nothing changed; try again later. The connection, the pool, a lock, a full disk or a deadline.
    #[error("the metadata database is not available: {0}")]
    Unavailable(String),
    /// This gateway's incarnation is dead or unknown: stop writing, begin a new one. Nothing changed.
    #[error("this gateway's incarnation has ended")]
    Fenced,
    /// The transaction may or may not have been committed and that could not be found out: tell the client to
    /// retry, and delete nothing.
    #[error("the outcome of a commit could not be determined")]
    Unknown,
    /// The database would lose acknowledged commits in a power cut; refuse to start.
    #[error("unsafe database settings: {0}")]
    UnsafeSettings(String),
    /// The schema was migrated by a newer release; refuse to start.
    #[error("the database schema is newer than this program")]
    SchemaTooNew,
    /// Another process has this SQLite file; use its admin socket or stop it.
    #[error("another process uses this database")]
    Locked,
    /// A row contradicts another or cannot be read, or a statement is wrong. Report it; retrying does not help.
    #[error("damaged metadata: {0}")]
    Damaged(String),
    /// Lost against concurrent writers too often. Nothing changed; try again later.
    #[error("too many concurrent changes of the same rows")]
    Conflict,
}

/// The result of a metadata operation.
pub type Result<T, E = MetadataError> = std::result::Result<T, E>;

impl From<sqlx::Error> for MetadataError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_)
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::ColumnIndexOutOfBounds { .. }
                | sqlx::Error::InvalidArgument(_) => Self::Damaged(error.to_string()),
                _ => Self::Unavailable(error.to_string()),
            };
        };
        let code = database.code().unwrap_or_default();
        if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
            of_postgres(&code, &error)
        } else {
            of_sqlite(&code, &error)
        }
    }
}

/// By SQLSTATE.
fn of_postgres(code: &str, error: &sqlx::Error) -> MetadataError {
    match code {
        // Serialization failure, deadlock, a unique key that another transaction took first. 40003 leaves the outcome of a statement
        // open: where that is COMMIT, `Database` finds out about it; elsewhere the transaction has ended without one.
        "40001" | "40003" | "40P01" | "23505" => MetadataError::Conflict,
        // Lock not available, query cancelled (its timeout), read-only transaction (a standby).
        "55P03" | "57014" | "25006" | "25P03" => MetadataError::Unavailable(error.to_string()),
        // Connection, resources, operator intervention, system errors.
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            MetadataError::Unavailable(error.to_string())
        }
        _ => MetadataError::Damaged(error.to_string()),
    }
}

/// By extended result code, whose low byte is the primary code.
fn of_sqlite(code: &str, error: &sqlx::Error) -> MetadataError {
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        // BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL
        5..=10 | 13..=15 => MetadataError::Unavailable(error.to_string()),
        _ => MetadataError::Damaged(error.to_string()),
    }
}
