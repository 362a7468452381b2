//! The repair queue: jobs are claimed with a lease, and finished or retried.

use std::collections::HashMap;

use codec::BlobId;

use crate::domain::{BackendId, RepairRank, StoredBlob};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, keys, with_placements};
use crate::metadata::blobs::enqueue_repairs::suspects;
use crate::metadata::engine::columns::{LAST_URGENCY_MAX, limit, urgency};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;

/// Microseconds.
pub(crate) const SECOND: i64 = 1_000_000;

/// Jobs that are made claimable with one claim, once they have waited. More than are claimed, so that the urgent ones among
/// them come first.
const WOKEN_MAX: usize = 256;

/// Which jobs are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RepairClass {
    /// All, in their order.
    Any,
    /// Those that save something: no moves.
    Endangered,
    /// Those of blobs whose next loss is their end.
    Last,
}

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
    /// Its rank as it is now; none where that was not found out, and it keeps what it had.
    pub rank: Option<RepairRank>,
}

impl MetadataStore {
    /// Claims jobs for `lease_seconds`, those whose blobs can lose the fewest further slivers first. Jobs of blobs that are gone
    /// or dead are dropped.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn claim_repairs(&self, most: usize, lease_seconds: i64) -> Result<Vec<RepairJob>> {
        self.database().transact(Claim { class: RepairClass::Any, most, lease_seconds }).await
    }

    /// The same of those jobs alone whose blobs lack slivers and can be repaired: no moves.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn claim_endangered(&self, most: usize, lease_seconds: i64) -> Result<Vec<RepairJob>> {
        self.database().transact(Claim { class: RepairClass::Endangered, most, lease_seconds }).await
    }

    /// The same of those jobs alone whose blobs would not survive another loss.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn claim_last(&self, most: usize, lease_seconds: i64) -> Result<Vec<RepairJob>> {
        self.database().transact(Claim { class: RepairClass::Last, most, lease_seconds }).await
    }

    /// Extends the claims of these jobs to `lease_seconds` from now. One that has run out, or that was asked for again meanwhile, stays
    /// as it is.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn renew_repairs(&self, blobs: Vec<BlobId>, lease_seconds: i64) -> Result<()> {
        self.database().transact(Renew { blobs, lease_seconds }).await
    }

    /// Ends a claimed job: it goes when it is complete and nothing new was found meanwhile, else it is tried again later.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn end_repair(&self, blob: BlobId, claimed_at: i64, end: RepairEnd) -> Result<()> {
        self.database().transact(End { blob, claimed_at, end }).await
    }
}

struct Claim {
    class: RepairClass,
    most: usize,
    lease_seconds: i64,
}

impl Work for Claim {
    type Done = Vec<RepairJob>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<RepairJob>> {
        let dialect = tx.dialect();
        let now = dialect.now();
        wake(tx).await?;
        let rows = tx.rows(Statement::new(claimable(dialect, self.class)).bind(limit(self.most))).await?;
        let mut ids = Vec::with_capacity(rows.len());
        let mut claims = HashMap::new();
        for row in &rows {
            let id = BlobId(row.array(0)?);
            ids.push(id);
            claims.insert(id, (row.number::<u32>(1)?, row.int(2)?));
        }
        let head = format!("SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id IN (VALUES ");
        let living = tx.rows_of_rows(&head, keys(&ids), ") AND b.live_bytes > 0 ORDER BY b.id").await?;
        let mut blobs = with_placements(tx, &living).await?;
        // They are done in the order of their urgency.
        blobs.sort_by_key(|blob| ids.iter().position(|id| *id == blob.id));
        let gone: Vec<BlobId> = ids.iter().filter(|id| blobs.iter().all(|blob| blob.id != **id)).copied().collect();
        tx.execute_rows("DELETE FROM job WHERE kind = 'repair' AND blob_id IN (VALUES ", keys(&gone), ")").await?;
        let until = self.lease_seconds.saturating_mul(SECOND);
        let head = format!(
            "UPDATE job SET claimed_until = {now} + {until}, waits = TRUE, attempts = attempts + 1 \
             WHERE kind = 'repair' AND blob_id IN (VALUES "
        );
        tx.execute_rows(&head, keys(&ids), ")").await?;
        let mut suspects = suspects(tx, &ids).await?;
        let job = |blob: StoredBlob| {
            let (attempts, claimed_at) = claims.get(&blob.id).copied().unwrap_or_default();
            RepairJob { suspects: suspects.remove(&blob.id).unwrap_or_default(), blob, attempts, claimed_at }
        };
        Ok(blobs.into_iter().map(job).collect())
    }
}

struct Renew {
    blobs: Vec<BlobId>,
    lease_seconds: i64,
}

impl Work for Renew {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let (now, until) = (tx.dialect().now(), self.lease_seconds.saturating_mul(SECOND));
        let head = format!(
            "UPDATE job SET claimed_until = {now} + {until} \
             WHERE kind = 'repair' AND waits AND claimed_until > {now} AND blob_id IN (VALUES "
        );
        tx.execute_rows(&head, keys(&self.blobs), ")").await.map(drop)
    }
}

/// Lets some of the jobs whose wait is over be claimed, those that waited longest first.
async fn wake(tx: &mut Session) -> Result<()> {
    tx.execute(Statement::new(waking(tx.dialect()))).await.map(drop)
}

/// The most urgent jobs that can be claimed. Few of them have to wait: those that an earlier release, beside this one, has put
/// off.
pub(crate) fn claimable(dialect: Dialect, class: RepairClass) -> String {
    let now = dialect.now();
    let only = match class {
        RepairClass::Any => String::new(),
        RepairClass::Endangered => format!("AND j.urgency < {} ", urgency(RepairRank::Whole)),
        RepairClass::Last => format!("AND j.urgency <= {LAST_URGENCY_MAX} "),
    };
    format!(
        "SELECT j.blob_id, j.attempts, {now} FROM job j \
         WHERE j.kind = 'repair' AND NOT j.waits {only}AND j.claimed_until <= {now} ORDER BY j.urgency, j.blob_id LIMIT $1{}",
        dialect.for_claim()
    )
}

/// Makes jobs claimable whose wait is over.
pub(crate) fn waking(dialect: Dialect) -> String {
    format!(
        "UPDATE job SET waits = FALSE WHERE kind = 'repair' AND blob_id IN (SELECT j.blob_id FROM job j \
         WHERE j.kind = 'repair' AND j.waits AND j.claimed_until <= {} ORDER BY j.claimed_until LIMIT {WOKEN_MAX}{})",
        dialect.now(),
        dialect.for_claim()
    )
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
            "UPDATE job SET claimed_until = {} + {again}, waits = TRUE, urgency = COALESCE($1, urgency) \
             WHERE kind = 'repair' AND blob_id = $2",
            dialect.now()
        );
        let found = self.end.rank.map_or(Value::NoInt, |rank| urgency(rank).into());
        tx.execute(Statement::new(text).bind(found).bind(blob)).await.map(drop)
    }
}
