//! Asks for repairs: by a finding, or for all that lies on a backend, lost or to be moved. How soon each comes is worked out from what is known of
//! the blob's slivers when it is asked for.

use std::collections::{BTreeSet, HashMap};

use codec::BlobId;

use crate::domain::{BackendId, RepairRank, StoredBlob};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, with_placements};
use crate::metadata::engine::columns::{backend_id, limit, urgency};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;

/// Jobs written in one transaction.
const PAGE: usize = 1_000;

impl MetadataStore {
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
        self.enqueue_all_on(backend, OnBackend::Lost).await
    }

    /// Enqueues the move of every sliver on this backend, because it is being drained; returns how many blobs there are.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn enqueue_moves_off(&self, backend: &BackendId) -> Result<u64> {
        self.enqueue_all_on(backend, OnBackend::ToBeMoved).await
    }

    /// Enqueues moves of blobs that have slivers on backends that are being drained and no job: those that came there later. Returns how
    /// many jobs were added.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn enqueue_moves_off_draining(&self, most: usize) -> Result<u64> {
        self.database().transact(EnqueueDraining { most }).await
    }

    async fn enqueue_all_on(&self, backend: &BackendId, state: OnBackend) -> Result<u64> {
        let (mut enqueued, mut after) = (0, Vec::new());
        loop {
            let page = self.database().transact(EnqueueOnBackend { backend: backend.clone(), state, after }).await?;
            let Some(last) = page.last() else { return Ok(enqueued) };
            enqueued += u64::try_from(page.len()).unwrap_or(u64::MAX);
            after = last.0.to_vec();
        }
    }
}

/// Writes repair jobs for those of these blobs in which something lives, each ranked by the slivers that can be counted on:
/// those without a finding, on backends that are neither `lost` nor taken out of the cluster. Returns how many were written;
/// `existing` is what becomes of a job that is there already.
pub(crate) async fn enqueue(
    tx: &mut Session,
    ids: &[BlobId],
    mut lost: BTreeSet<BackendId>,
    existing: &'static str,
) -> Result<u64> {
    let head = format!("SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id IN (VALUES ");
    let rows = tx.rows_of_rows(&head, keys(ids), ") AND b.live_bytes > 0 ORDER BY b.id").await?;
    let blobs = with_placements(tx, &rows).await?;
    for row in tx.rows(Statement::new("SELECT name FROM backend WHERE removed")).await? {
        lost.insert(backend_id(row.text(0)?)?);
    }
    let suspects = suspects(tx, ids).await?;
    let ranked = blobs.iter().map(|blob| {
        let rank = rank(blob, &lost, suspects.get(&blob.id).map_or(&[], Vec::as_slice));
        [blob.id.0.into(), urgency(rank).into()]
    });
    let tail = format!(
        ") INSERT INTO job (kind, blob_id, created_at, urgency) SELECT 'repair', b.id, {}, n.urgency \
         FROM n JOIN blob b ON b.id = n.blob_id WHERE b.live_bytes > 0 ON CONFLICT (kind, blob_id) DO {existing}",
        tx.dialect().now()
    );
    tx.execute_rows("WITH n (blob_id, urgency) AS (VALUES ", ranked.collect(), &tail).await
}

fn rank(blob: &StoredBlob, lost: &BTreeSet<BackendId>, suspects: &[(u8, BackendId)]) -> RepairRank {
    let living = blob.placements.iter().filter(|placement| {
        let is_suspect =
            suspects.iter().any(|(index, backend)| (*index, backend) == (placement.index, &placement.backend));
        !lost.contains(&placement.backend) && !is_suspect
    });
    RepairRank::of(blob.layout.shape.scheme, living.count())
}

/// Slivers with a finding, by blob, each with the backend it was on.
pub(crate) async fn suspects(tx: &mut Session, ids: &[BlobId]) -> Result<HashMap<BlobId, Vec<(u8, BackendId)>>> {
    let mut suspects = HashMap::<BlobId, Vec<(u8, BackendId)>>::new();
    let head = "SELECT DISTINCT blob_id, sliver_index, backend FROM finding WHERE blob_id IN (VALUES ";
    for row in tx.rows_of_rows(head, keys(ids), ")").await? {
        suspects.entry(BlobId(row.array(0)?)).or_default().push((row.number(1)?, backend_id(row.text(2)?)?));
    }
    Ok(suspects)
}

/// Blobs as the rows of VALUES.
pub(crate) fn keys(ids: &[BlobId]) -> Vec<[Value; 1]> {
    ids.iter().map(|id| [id.0.into()]).collect()
}

struct EnqueueUnconfigured {
    configured: Vec<BackendId>,
    most: usize,
}

impl Work for EnqueueUnconfigured {
    type Done = u64;

    async fn run(&self, tx: &mut Session) -> Result<u64> {
        let known = tx.rows(Statement::new("SELECT name FROM backend ORDER BY name")).await?;
        let mut gone = known.iter().map(|row| backend_id(row.text(0)?)).collect::<Result<BTreeSet<_>>>()?;
        gone.retain(|name| !self.configured.contains(name));
        let mut enqueued = 0;
        for name in &gone {
            let ids = without_job(tx, name, self.most).await?;
            enqueued += enqueue(tx, &ids, gone.clone(), "NOTHING").await?;
        }
        Ok(enqueued)
    }
}

/// Some of the blobs with slivers on a backend that nobody asked to repair. Jobs of the dead are dropped when they are claimed: asked
/// for, they would be asked for again without end.
async fn without_job(tx: &mut Session, backend: &BackendId, most: usize) -> Result<Vec<BlobId>> {
    let text = "SELECT s.blob_id FROM sliver s JOIN blob b ON b.id = s.blob_id \
                WHERE s.backend = $1 AND b.live_bytes > 0 AND NOT EXISTS \
                (SELECT 1 FROM job j WHERE j.kind = 'repair' AND j.blob_id = s.blob_id) \
                GROUP BY s.blob_id ORDER BY s.blob_id LIMIT $2";
    let rows = tx.rows(Statement::new(text).bind(backend.as_str()).bind(limit(most))).await?;
    rows.iter().map(|row| row.array(0).map(BlobId)).collect()
}

struct EnqueueDraining {
    most: usize,
}

impl Work for EnqueueDraining {
    type Done = u64;

    async fn run(&self, tx: &mut Session) -> Result<u64> {
        let text = "SELECT name FROM backend WHERE drain_began IS NOT NULL AND NOT removed ORDER BY name";
        let mut enqueued = 0;
        for row in tx.rows(Statement::new(text)).await? {
            let ids = without_job(tx, &backend_id(row.text(0)?)?, self.most).await?;
            enqueued += enqueue(tx, &ids, BTreeSet::new(), "NOTHING").await?;
        }
        Ok(enqueued)
    }
}

/// Why all that lies on a backend is asked for.
#[derive(Clone, Copy)]
enum OnBackend {
    /// It is gone.
    Lost,
    /// It is there, and to be moved.
    ToBeMoved,
}

struct EnqueueOnBackend {
    backend: BackendId,
    state: OnBackend,
    after: Vec<u8>,
}

impl Work for EnqueueOnBackend {
    type Done = Vec<BlobId>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<BlobId>> {
        let text = "SELECT DISTINCT blob_id FROM sliver WHERE backend = $1 AND blob_id > $2 ORDER BY blob_id LIMIT $3";
        let statement = Statement::new(text).bind(self.backend.as_str()).bind(self.after.clone()).bind(limit(PAGE));
        let rows = tx.rows(statement).await?;
        let ids = rows.iter().map(|row| row.array(0).map(BlobId)).collect::<Result<Vec<_>>>()?;
        let again = "UPDATE SET claimed_until = 0, waits = FALSE, urgency = excluded.urgency";
        match self.state {
            OnBackend::Lost => enqueue(tx, &ids, BTreeSet::from([self.backend.clone()]), again).await?,
            // A job that is there already is more urgent, or the same.
            OnBackend::ToBeMoved => enqueue(tx, &ids, BTreeSet::new(), "NOTHING").await?,
        };
        Ok(ids)
    }
}
