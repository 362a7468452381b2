//! Backends that an operator must look at, and why.

use crate::domain::{BackendFlag, BackendId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::backend_id;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// A backend that an operator must look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlaggedBackend {
    /// Which.
    pub backend: BackendId,
    /// Why, in one word.
    pub flag: BackendFlag,
    /// What was seen.
    pub reason: String,
}

impl MetadataStore {
    /// Backends that an operator must look at, by name.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn flagged_backends(&self) -> Result<Vec<FlaggedBackend>> {
        let text = "SELECT backend, flag, reason FROM backend_flag ORDER BY backend";
        let rows = self.database().rows(Statement::new(text)).await?;
        rows.iter().map(flagged).collect()
    }

    /// Takes a backend's flag away.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn unflag_backend(&self, backend: &BackendId) -> Result<()> {
        self.database().transact(Unflag(backend.clone())).await
    }
}

struct Unflag(BackendId);

impl Work for Unflag {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        unflag(tx, &self.0).await
    }
}

/// Flags a backend, unless it bears a flag that is as bad.
pub(crate) async fn raise_flag(
    tx: &mut Session,
    backend: &BackendId,
    flag: BackendFlag,
    reason: &str,
    now: i64,
) -> Result<()> {
    let text = "SELECT backend, flag, reason FROM backend_flag WHERE backend = $1";
    let row = tx.row(Statement::new(text).bind(backend.as_str())).await?;
    if row.as_ref().map(flagged).transpose()?.is_some_and(|old| old.flag >= flag) {
        return Ok(());
    }
    let text = "INSERT INTO backend_flag (backend, flag, reason, flagged_at) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (backend) DO UPDATE SET flag = excluded.flag, reason = excluded.reason, \
                flagged_at = excluded.flagged_at";
    let statement = Statement::new(text).bind(backend.as_str()).bind(flag.name()).bind(reason).bind(now);
    tx.execute(statement).await.map(drop)
}

/// Whether an operator must look at a backend.
pub(crate) async fn is_flagged(tx: &mut Session, backend: &BackendId) -> Result<bool> {
    let text = "SELECT backend FROM backend_flag WHERE backend = $1";
    Ok(tx.row(Statement::new(text).bind(backend.as_str())).await?.is_some())
}

/// Takes a flag away.
pub(crate) async fn unflag(tx: &mut Session, backend: &BackendId) -> Result<()> {
    let text = "DELETE FROM backend_flag WHERE backend = $1";
    tx.execute(Statement::new(text).bind(backend.as_str())).await.map(drop)
}

fn flagged(row: &Row) -> Result<FlaggedBackend> {
    let flag = row.text(1)?;
    // A later release may know more flags: then the worst that this one knows, so that nothing is collected.
    let flag = BackendFlag::named(flag).unwrap_or(BackendFlag::DatabaseBehind);
    Ok(FlaggedBackend { backend: backend_id(row.text(0)?)?, flag, reason: row.text(2)?.to_owned() })
}
