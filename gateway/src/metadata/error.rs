//! What can go wrong with the database, by what the caller should do about it.

/// A metadata operation that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MetadataError {
    /// Nothing changed; try again later. The connection, the pool, a lock or a deadline.
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
