//! The repair queue: jobs are enqueued, claimed with a lease, and finished or retried.

use std::collections::HashMap;

use codec::BlobId;

use crate::domain::{BackendId, StoredBlob};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, with_placements};
use crate::metadata::engine::columns::{backend_id, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;

/// Microseconds.
pub(crate) const SECOND: i64 = 1_000_000;
/// Jobs written in one transaction.
const PAGE: usize = 1_000;

/// A claimed repair job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairJob {
    /// The blob with its slivers.
    pub blob: StoredBlob,
    /// Slivers with a finding, each with the backend it was on.
    pub suspects: Vec<(u8, BackendId)>,
    /// How often it was claimed before.
    pub attempts: u32,
    /// When it was claimed, by the database's clock in microseconds.
    pub claimed_at: i64,
}

/// The result of a claimed job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairEnd {
    /// Nothing is left to do. Otherwise it is tried again.
    pub complete: bool,
    /// When it is tried again, in seconds from now.
    pub retry_after_seconds: i64,
    /// Good slivers less k, as they are now.
    pub urgency: i64,
}

impl MetadataStore {
    /// Claims jobs for `lease_seconds`, those whose blobs can lose the fewest further slivers first. Jobs of blobs that are gone
    /// or dead are dropped.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn claim_repairs(&self, most: usize, lease_seconds: i64) -> Result<Vec<RepairJob>> {
        self.database().transact(Claim { most, lease_seconds }).await
    }

    /// Ends a claimed job: it goes when it is complete and nothing new was found meanwhile, else it is tried again later.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn end_repair(&self, blob: BlobId, claimed_at: i64, end: RepairEnd) -> Result<()> {
        self.database().transact(End { blob, claimed_at, end }).await
    }

    /// Enqueues repairs of blobs that have slivers on backends other than these; returns how many jobs were added.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn enqueue_repairs_of_unconfigured(&self, configured: Vec<BackendId>, most: usize) -> Result<u64> {
        self.database().transact(EnqueueUnconfigured { configured, most }).await
    }

    /// Enqueues repairs of every blob that has a sliver on this backend, because its disk was replaced; returns how
    /// many there are.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn enqueue_repairs_of_backend(&self, backend: &BackendId) -> Result<u64> {
        let (mut enqueued, mut after) = (0, Vec::new());
        loop {
            let page = self.database().transact(EnqueueBackendRepairs { backend: backend.clone(), after }).await?;
            let Some(last) = page.last() else { return Ok(enqueued) };
            enqueued += u64::try_from(page.len()).unwrap_or(u64::MAX);
            after = last.0.to_vec();
        }
    }
}

struct Claim {
    most: usize,
    lease_seconds: i64,
}

impl Work for Claim {
    type Done = Vec<RepairJob>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<RepairJob>> {
        let dialect = tx.dialect();
        let now = dialect.now();
        let text = format!(
            "SELECT j.blob_id, j.attempts, {now} FROM job j WHERE j.kind = 'repair' AND j.claimed_until <= {now} \
             ORDER BY j.urgency, j.blob_id LIMIT $1{}",
            dialect.for_claim()
        );
        let rows = tx.rows(Statement::new(text).bind(limit(self.most))).await?;
        let mut claims = HashMap::new();
        for row in &rows {
            claims.insert(BlobId(row.array(0)?), (row.number::<u32>(1)?, row.int(2)?));
        }
        let ids: Vec<BlobId> = claims.keys().copied().collect();
        let head = format!("SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id IN (VALUES ");
        let living = tx.rows_of_rows(&head, keys(&ids), ") AND b.live_bytes > 0 ORDER BY b.id").await?;
        let blobs = with_placements(tx, &living).await?;
        let gone: Vec<BlobId> = ids.iter().filter(|id| blobs.iter().all(|blob| blob.id != **id)).copied().collect();
        tx.execute_rows("DELETE FROM job WHERE kind = 'repair' AND blob_id IN (VALUES ", keys(&gone), ")").await?;
        let until = self.lease_seconds.saturating_mul(SECOND);
        let head = format!(
            "UPDATE job SET claimed_until = {now} + {until}, attempts = attempts + 1 \
             WHERE kind = 'repair' AND blob_id IN (VALUES "
        );
        tx.execute_rows(&head, keys(&ids), ")").await?;
        let mut suspects = HashMap::<BlobId, Vec<(u8, BackendId)>>::new();
        let head = "SELECT DISTINCT blob_id, sliver_index, backend FROM finding WHERE blob_id IN (VALUES ";
        for row in tx.rows_of_rows(head, keys(&ids), ")").await? {
            suspects.entry(BlobId(row.array(0)?)).or_default().push((row.number(1)?, backend_id(row.text(2)?)?));
        }
        let job = |blob: StoredBlob| {
            let (attempts, claimed_at) = claims.get(&blob.id).copied().unwrap_or_default();
            RepairJob { suspects: suspects.remove(&blob.id).unwrap_or_default(), blob, attempts, claimed_at }
        };
        Ok(blobs.into_iter().map(job).collect())
    }
}

struct End {
    blob: BlobId,
    claimed_at: i64,
    end: RepairEnd,
}

impl Work for End {
    type Done = ();

    /// The blob is locked first, as findings do: one that is filed while the job ends finds it there or makes a new one.
    async fn run(&self, tx: &mut Session) -> Result<()> {
        let (dialect, blob) = (tx.dialect(), self.blob.0);
        let text = format!("SELECT id FROM blob WHERE id = $1{}", dialect.for_update());
        tx.row(Statement::new(text).bind(blob)).await?;
        if self.end.complete {
            let text = "DELETE FROM finding WHERE blob_id = $1 AND found_at <= $2";
            tx.execute(Statement::new(text).bind(blob).bind(self.claimed_at)).await?;
            let text = "DELETE FROM job WHERE kind = 'repair' AND blob_id = $1 \
                        AND NOT EXISTS (SELECT 1 FROM finding f WHERE f.blob_id = job.blob_id)";
            tx.execute(Statement::new(text).bind(blob)).await?;
        }
        let again = self.end.retry_after_seconds.saturating_mul(SECOND);
        let text = format!(
            "UPDATE job SET claimed_until = {} + {again}, urgency = $1 WHERE kind = 'repair' AND blob_id = $2",
            dialect.now()
        );
        tx.execute(Statement::new(text).bind(self.end.urgency).bind(blob)).await.map(drop)
    }
}

struct EnqueueUnconfigured {
    configured: Vec<BackendId>,
    most: usize,
}

impl Work for EnqueueUnconfigured {
    type Done = u64;

    async fn run(&self, tx: &mut Session) -> Result<u64> {
        let known = tx.rows(Statement::new("SELECT name FROM backend ORDER BY name")).await?;
        let mut enqueued = 0;
        for row in known {
            let name = backend_id(row.text(0)?)?;
            if self.configured.contains(&name) {
                continue;
            }
            // Each is one sliver more that cannot be read: how many that leaves is found out when the job is done. Jobs of the
            // dead are dropped when they are claimed: asked for, they would be asked for again without end.
            let text = format!(
                "INSERT INTO job (kind, blob_id, created_at, urgency) SELECT 'repair', s.blob_id, {}, 1 FROM sliver s \
                 JOIN blob b ON b.id = s.blob_id WHERE s.backend = $1 AND b.live_bytes > 0 AND NOT EXISTS \
                 (SELECT 1 FROM job j WHERE j.kind = 'repair' AND j.blob_id = s.blob_id) \
                 GROUP BY s.blob_id ORDER BY s.blob_id LIMIT $2 ON CONFLICT (kind, blob_id) DO NOTHING",
                tx.dialect().now()
            );
            enqueued += tx.execute(Statement::new(text).bind(name.as_str()).bind(limit(self.most))).await?;
        }
        Ok(enqueued)
    }
}

struct EnqueueBackendRepairs {
    backend: BackendId,
    after: Vec<u8>,
}

impl Work for EnqueueBackendRepairs {
    type Done = Vec<BlobId>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<BlobId>> {
        let text = "SELECT DISTINCT blob_id FROM sliver WHERE backend = $1 AND blob_id > $2 ORDER BY blob_id LIMIT $3";
        let statement = Statement::new(text).bind(self.backend.as_str()).bind(self.after.clone()).bind(limit(PAGE));
        let rows = tx.rows(statement).await?;
        let ids = rows.iter().map(|row| row.array(0).map(BlobId)).collect::<Result<Vec<_>>>()?;
        let head = "WITH n (blob_id) AS (VALUES ";
        let tail = format!(
            ") INSERT INTO job (kind, blob_id, created_at, urgency) SELECT 'repair', b.id, {}, 1 \
             FROM n JOIN blob b ON b.id = n.blob_id WHERE b.live_bytes > 0 \
             ON CONFLICT (kind, blob_id) DO UPDATE SET claimed_until = 0",
            tx.dialect().now()
        );
        tx.execute_rows(head, keys(&ids), &tail).await?;
        Ok(ids)
    }
}

fn keys(ids: &[BlobId]) -> Vec<[Value; 1]> {
    ids.iter().map(|id| [id.0.into()]).collect()
}
