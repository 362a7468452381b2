//! Slivers whose backend was reached and gave no data: they are asked for again.

use codec::BlobId;

use crate::domain::BackendId;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{backend_id, int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// An audit that got no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainedAudit {
    /// Who was asked.
    pub backend: BackendId,
    /// Of which blob.
    pub blob: BlobId,
    /// Which of its slivers.
    pub index: u8,
    /// Under which attempt.
    pub attempt: u32,
    /// In which epoch it was first asked.
    pub epoch: u64,
    /// By which draw: the same bytes are asked for again.
    pub draw: u64,
    /// How often it was asked.
    pub tries: u32,
}

impl MetadataStore {
    /// Contained audits of a backend that are due, the longest due first.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn contained_audits(&self, backend: &BackendId, most: usize) -> Result<Vec<ContainedAudit>> {
        let mut session = self.database().reader().await?;
        let text = format!(
            "SELECT backend, blob_id, sliver_index, attempt, epoch, draw, tries FROM contained_audit \
             WHERE backend = $1 AND due_at <= {} ORDER BY due_at LIMIT $2",
            session.dialect().now()
        );
        let rows = session.rows(Statement::new(text).bind(backend.as_str()).bind(limit(most))).await?;
        rows.iter().map(contained).collect()
    }

    /// Forgets a contained audit: its sliver is not there any more.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn forget_contained(&self, audit: &ContainedAudit) -> Result<()> {
        self.database().transact(Forget(audit.clone())).await
    }
}

struct Forget(ContainedAudit);

impl Work for Forget {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        release(tx, &self.0.backend, self.0.blob, self.0.index).await
    }
}

/// Keeps a contained audit until it is due again. Another draw of the same sliver does not put off the one that waits.
pub(super) async fn contain(tx: &mut Session, audit: &ContainedAudit, after_seconds: i64) -> Result<()> {
    let after = after_seconds.saturating_mul(1_000_000);
    let text = format!(
        "INSERT INTO contained_audit (backend, blob_id, sliver_index, attempt, epoch, draw, tries, due_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, {} + {after}) ON CONFLICT (backend, blob_id, sliver_index) DO UPDATE SET \
         attempt = excluded.attempt, epoch = excluded.epoch, draw = excluded.draw, tries = excluded.tries, due_at = excluded.due_at \
         WHERE contained_audit.attempt <> excluded.attempt OR contained_audit.tries < excluded.tries \
         OR (contained_audit.epoch = excluded.epoch AND contained_audit.draw = excluded.draw)",
        tx.dialect().now()
    );
    let row = Statement::new(text).bind(audit.backend.as_str()).bind(audit.blob.0).bind(u32::from(audit.index));
    let row = row.bind(audit.attempt).bind(int(audit.epoch)?).bind(int(audit.draw)?).bind(audit.tries);
    tx.execute(row).await.map(drop)
}

/// Forgets it: it was answered, or its sliver is not there any more.
pub(super) async fn release(tx: &mut Session, backend: &BackendId, blob: BlobId, index: u8) -> Result<()> {
    let text = "DELETE FROM contained_audit WHERE backend = $1 AND blob_id = $2 AND sliver_index = $3";
    let row = Statement::new(text).bind(backend.as_str()).bind(blob.0).bind(u32::from(index));
    tx.execute(row).await.map(drop)
}

fn contained(row: &Row) -> Result<ContainedAudit> {
    Ok(ContainedAudit {
        backend: backend_id(row.text(0)?)?,
        blob: BlobId(row.array(1)?),
        index: row.number(2)?,
        attempt: row.number(3)?,
        epoch: row.number(4)?,
        draw: row.number(5)?,
        tries: row.number(6)?,
    })
}
