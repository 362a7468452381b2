//! Slivers that were replaced, until they are deleted from their backends.
//!
//! Each backend has turns of its own, and one that is not asked takes none. A sliver that cannot be deleted is claimed again after a minute, then
//! after two, up to an hour.

use codec::BlobId;

use crate::domain::BackendId;
use crate::metadata::MetadataStore;
use crate::metadata::blobs::repair_jobs::SECOND;
use crate::metadata::blobs::sliver_moves::{SliverLocation, names};
use crate::metadata::engine::columns::{backend_id, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// How long the first claim lasts; each further one twice as long as the one before.
const CLAIM: i64 = 60 * SECOND;

/// Claims after which it does not double any more.
const DOUBLINGS: u32 = 6;

/// Claims in vain after which nobody waits for a sliver to be deleted: some seven minutes.
const TRIES_AWAITED: i64 = 4;

/// Slivers of one backend that are claimed at least, if it has so many.
const OF_ONE_MIN: usize = 16;

impl MetadataStore {
    /// Claims replaced slivers of these backends to delete, the longest due of each.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn discardable(&self, backends: &[BackendId], most: usize) -> Result<Vec<SliverLocation>> {
        // On a reader first: mostly there is nothing.
        let mut session = self.database().reader().await?;
        let text =
            format!("SELECT 1 FROM discard WHERE backend = $1 AND not_before <= {} LIMIT 1", session.dialect().now());
        let mut due = Vec::new();
        for backend in backends {
            if session.row(Statement::new(text.clone()).bind(backend.as_str())).await?.is_some() {
                due.push(backend.clone());
            }
        }
        drop(session);
        if due.is_empty() {
            return Ok(Vec::new());
        }
        self.database().transact(Discardable { backends: due, most }).await
    }

    /// Whether replaced slivers wait for their deletion on a backend, which was not in vain several times: one that is dead has them for ever.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn has_discards_on(&self, backend: &BackendId) -> Result<bool> {
        let text = "SELECT 1 FROM discard WHERE backend = $1 AND tries < $2 LIMIT 1";
        let statement = Statement::new(text).bind(backend.as_str()).bind(TRIES_AWAITED);
        Ok(self.database().row(statement).await?.is_some())
    }

    /// Forgets replaced slivers that are gone from their backends.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn discarded(&self, slivers: Vec<SliverLocation>) -> Result<()> {
        self.database().transact(Discarded(slivers)).await
    }
}

struct Discardable {
    backends: Vec<BackendId>,
    most: usize,
}

impl Work for Discardable {
    type Done = Vec<SliverLocation>;

    /// Never what a blob's row names, whoever put it there.
    async fn run(&self, tx: &mut Session) -> Result<Vec<SliverLocation>> {
        let dialect = tx.dialect();
        let now = dialect.now();
        let text = format!(
            "SELECT d.blob_id, d.sliver_index, d.attempt, d.backend FROM discard d WHERE d.backend = $1 AND d.not_before <= {now} \
             AND NOT EXISTS (SELECT 1 FROM sliver s WHERE s.blob_id = d.blob_id AND s.sliver_index = d.sliver_index \
             AND s.attempt = d.attempt AND s.backend = d.backend) ORDER BY d.not_before LIMIT $2{}",
            dialect.for_claim()
        );
        let of_one = (self.most / self.backends.len().max(1)).max(OF_ONE_MIN).min(self.most);
        let mut locations = Vec::new();
        for backend in &self.backends {
            let statement = Statement::new(text.clone()).bind(backend.as_str()).bind(limit(of_one));
            for row in tx.rows(statement).await? {
                let (blob, index, attempt) = (BlobId(row.array(0)?), row.number(1)?, row.number(2)?);
                locations.push(SliverLocation { blob, index, attempt, backend: backend_id(row.text(3)?)? });
            }
        }
        let head = format!(
            "UPDATE discard SET tries = tries + 1, \
             not_before = {now} + CAST({CLAIM} AS BIGINT) * (1 << CASE WHEN tries < {DOUBLINGS} THEN tries ELSE {DOUBLINGS} END) \
             WHERE (blob_id, sliver_index, attempt, backend) IN (VALUES "
        );
        tx.execute_rows(&head, names(&locations), ")").await?;
        Ok(locations)
    }
}

struct Discarded(Vec<SliverLocation>);

impl Work for Discarded {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let head = "DELETE FROM discard WHERE (blob_id, sliver_index, attempt, backend) IN (VALUES ";
        tx.execute_rows(head, names(&self.0), ")").await.map(drop)
    }
}
