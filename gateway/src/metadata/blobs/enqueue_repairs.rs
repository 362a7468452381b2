//! Asks for repairs: by a finding, or for all that lies on a backend, lost or to be moved. How soon each comes is worked out from what is known of
//! the blob's slivers when it is asked for.

use std::collections::{BTreeSet, HashMap};

use codec::{BlobId, Scheme};

use crate::domain::{BackendId, RepairRank, StoredBlob};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, ids, keys, with_placements};
use crate::metadata::engine::columns::{backend_id, limit, urgency};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// Jobs written in one transaction.
const PAGE: usize = 1_000;

impl MetadataStore {
    /// Enqueues repairs of every blob that has a sliver on this backend, because its disk was replaced; returns how
    /// many there are.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn enqueue_repairs_of_backend(&self, backend: &BackendId) -> Result<u64> {
        self.enqueue_all_on(backend, OnBackend::Lost).await
    }

    /// Enqueues the move of every sliver on this backend, because it is being drained; returns how many blobs there are.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn enqueue_moves_off(&self, backend: &BackendId) -> Result<u64> {
        self.enqueue_all_on(backend, OnBackend::ToBeMoved).await
    }

    /// One page of the walk over the slivers on backends that left the cluster, are lost or are being drained: those whose blobs have no job get one,
    /// and jobs come sooner whose blobs have lost more since.
    /// The walk goes on after `after`.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn enqueue_leaving(&self, after: Option<LeavingPlace>) -> Result<LeavingPage> {
        let text = "SELECT name, removed OR lost_at IS NOT NULL FROM backend b WHERE (removed OR lost_at IS NOT NULL OR drain_began IS NOT NULL \
             OR EXISTS (SELECT 1 FROM reputation r WHERE r.backend = b.name AND r.suspended_at IS NOT NULL)) AND name >= $1 \
             ORDER BY name LIMIT 2";
        let from = after.as_ref().map_or("", |place| place.backend.as_str());
        let leaving = self.database().rows(Statement::new(text).bind(from)).await?;
        let Some(first) = leaving.first() else { return Ok(LeavingPage::default()) };
        let (backend, is_lost) = (backend_id(first.text(0)?)?, first.flag(1)?);
        let begun = after.filter(|place| place.backend == backend).map_or(Vec::new(), |place| place.blob.0.to_vec());
        // On a reader: no commit waits for what has jobs already.
        let text = "SELECT s.blob_id, b.scheme, \
             (SELECT COUNT(*) FROM sliver g JOIN backend l ON l.name = g.backend WHERE g.blob_id = s.blob_id AND (l.removed OR l.lost_at IS NOT NULL)), \
             (SELECT MIN(j.urgency) FROM job j WHERE j.kind = 'repair' AND j.blob_id = s.blob_id) \
             FROM sliver s JOIN blob b ON b.id = s.blob_id WHERE s.backend = $1 AND s.blob_id > $2 ORDER BY s.blob_id LIMIT $3";
        let page = Statement::new(text).bind(backend.as_str()).bind(begun).bind(limit(PAGE));
        let (mut asked_for, mut last) = (Vec::new(), None);
        for row in self.database().rows(page).await? {
            let blob = BlobId(row.array(0)?);
            last = Some(blob);
            let rank = rank_without(row.text(1)?, row.number(2)?)?;
            if row.number_if_any(3)?.is_none_or(|urgency| is_lost && comes_sooner(rank, urgency)) {
                asked_for.push(blob);
            }
        }
        let enqueued = if asked_for.is_empty() { 0 } else { self.database().transact(EnqueueBlobs(asked_for)).await? };
        let next = match (last, leaving.get(1)) {
            (Some(blob), _) => Some(LeavingPlace { backend, blob }),
            (None, Some(second)) => Some(LeavingPlace { backend: backend_id(second.text(0)?)?, blob: BlobId([0; 16]) }),
            (None, None) => None,
        };
        Ok(LeavingPage { enqueued, next })
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
/// those without a finding, on backends that are neither in `lost`, nor lost, nor taken out of the cluster. Returns how many were written;
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
    for row in tx.rows(Statement::new("SELECT name FROM backend WHERE removed OR lost_at IS NOT NULL")).await? {
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

/// The rank of a blob of a scheme of which so many slivers are on lost backends.
fn rank_without(scheme: &str, lost: usize) -> Result<RepairRank> {
    let scheme: Scheme = scheme.parse().map_err(|error| MetadataError::Damaged(format!("{scheme}: {error}")))?;
    Ok(RepairRank::of(scheme, scheme.n().saturating_sub(lost)))
}

/// Whether a job that was asked for when more was left has to come sooner, as it must when a second backend is lost in the middle of the repair.
fn comes_sooner(rank: RepairRank, than: i64) -> bool {
    rank < RepairRank::Whole && urgency(rank) < than
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

/// How far the walk over the slivers of leaving backends is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeavingPlace {
    backend: BackendId,
    blob: BlobId,
}

/// A page of that walk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeavingPage {
    /// Jobs that were written.
    pub enqueued: u64,
    /// Where it goes on; none at its end.
    pub next: Option<LeavingPlace>,
}

struct EnqueueBlobs(Vec<BlobId>);

impl Work for EnqueueBlobs {
    type Done = u64;

    /// Jobs of the dead are dropped when they are claimed, so none are written for them.
    async fn run(&self, tx: &mut Session) -> Result<u64> {
        let sooner = "UPDATE SET claimed_until = 0, waits = FALSE, urgency = excluded.urgency WHERE job.urgency > excluded.urgency \
                      AND excluded.urgency < 10000";
        enqueue(tx, &self.0, BTreeSet::new(), sooner).await
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
        let ids = ids(&rows)?;
        let again = "UPDATE SET claimed_until = 0, waits = FALSE, urgency = excluded.urgency";
        match self.state {
            OnBackend::Lost => enqueue(tx, &ids, BTreeSet::from([self.backend.clone()]), again).await?,
            // A job that is there already is more urgent, or the same.
            OnBackend::ToBeMoved => enqueue(tx, &ids, BTreeSet::new(), "NOTHING").await?,
        };
        Ok(ids)
    }
}
