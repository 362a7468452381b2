//! The reclaim queue of dead blobs.

use std::sync::atomic::Ordering;

use codec::BlobId;

use crate::domain::StoredBlob;
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, ids, keys, with_placements};
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// How long a claim lasts: more than it takes to delete the slivers of one claim's blobs.
const CLAIM: i64 = 600 * SECOND;
/// How long a queued blob is postponed that is still referenced.
const INCONSISTENT_BACKOFF: i64 = 3_600 * SECOND;
/// How long a blob is postponed that has a sliver on a backend which does not answer.
const UNREACHABLE_BACKOFF: i64 = CLAIM;
/// Rows that expired and are deleted in one transaction: clients' writes wait for it.
const PRUNED_MAX: u64 = 1_000;
/// How long tokens are kept: much longer than the outcome of a commit is queried.
const TOKENS: i64 = 3_600 * SECOND;
/// How long a repeated Complete gets the same answer.
const COMPLETED: i64 = 86_400 * SECOND;
/// Rows that expire: table, key, and the column of a time with how long after it they do.
const EXPIRING: [(&str, &str, (&str, i64)); 3] = [
    ("commit_token", "token", ("created_at", TOKENS)),
    ("completed_upload", "upload_id", ("completed_at", COMPLETED)),
    ("bucket_name_hold", "name", ("held_until", 0)),
];
/// Microseconds.
const SECOND: i64 = 1_000_000;

impl MetadataStore {
    /// Sets how long a blob stays readable after its last extent went, in seconds of database time (default 3,600).
    /// It must be longer than the longest GET.
    pub fn set_grace_seconds(&self, seconds: i64) {
        self.shared.grace_seconds.store(seconds, Ordering::Relaxed);
    }

    /// Claims dead blobs whose grace is over, for ten minutes. In the same transaction it is checked again that no
    /// extent lies in them; a dead blob can never be referenced again.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn reclaimable(&self, most: usize) -> Result<Vec<StoredBlob>> {
        self.database().transact(Claim(Claimable::Due(most))).await
    }

    /// Claims those of these dead blobs that nobody has claimed, whether or not their grace is over: nobody may be reading them any
    /// more. It is checked again in the same way.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn claim_dead(&self, blobs: Vec<BlobId>) -> Result<Vec<StoredBlob>> {
        self.database().transact(Claim(Claimable::These(blobs))).await
    }

    /// Deletes the rows of blobs that were claimed and whose slivers are all gone.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn reclaimed(&self, blobs: &[BlobId]) -> Result<()> {
        self.database().transact(Forget(blobs.to_vec())).await?;
        for id in blobs {
            self.shared.blobs.invalidate(id);
        }
        Ok(())
    }

    /// Puts blobs off that were claimed and have slivers which cannot be deleted now: those behind them come first.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn postpone_reclaim(&self, blobs: &[BlobId]) -> Result<()> {
        if blobs.is_empty() {
            return Ok(());
        }
        self.database().transact(Postpone(blobs.to_vec())).await
    }

    /// Deletes expired rows: commit tokens after an hour, completed uploads after 24 hours, holds of names at their end.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn prune(&self) -> Result<()> {
        for (table, key, expired) in EXPIRING {
            while self.database().transact(Prune { table, key, expired }).await? >= PRUNED_MAX {}
        }
        Ok(())
    }
}

struct Claim(Claimable);

/// What may be claimed.
enum Claimable {
    /// So many whose grace is over.
    Due(usize),
    These(Vec<BlobId>),
}

impl Work for Claim {
    type Done = Vec<StoredBlob>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<StoredBlob>> {
        let dialect = tx.dialect();
        let (now, for_claim) = (dialect.now(), dialect.for_claim());
        let rows = match &self.0 {
            Claimable::Due(most) => {
                let text = format!(
                    "SELECT blob_id FROM reclaim WHERE not_before <= {now} AND claimed_until <= {now} \
                     ORDER BY not_before LIMIT $1{for_claim}"
                );
                tx.rows(Statement::new(text).bind(limit(*most))).await?
            }
            Claimable::These(blobs) => {
                let tail = format!(") AND claimed_until <= {now}{for_claim}");
                tx.rows_of_rows("SELECT blob_id FROM reclaim WHERE blob_id IN (VALUES ", keys(blobs), &tail).await?
            }
        };
        let ids = ids(&rows)?;
        // Nothing else may decide: a row here says that the blob is dead, and the extents must agree.
        let head = format!("SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id IN (VALUES ");
        let tail = format!(
            ") AND b.live_bytes = 0 AND NOT EXISTS (SELECT 1 FROM extent e WHERE e.blob_id = b.id) \
             AND NOT EXISTS (SELECT 1 FROM version v WHERE v.blob_id = b.id) ORDER BY b.id{}",
            dialect.for_update()
        );
        let rows = tx.rows_of_rows(&head, keys(&ids), &tail).await?;
        let dead = with_placements(tx, &rows).await?;
        let (claimed, still_referenced): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|id| dead.iter().any(|blob| blob.id == *id));
        let head = format!("UPDATE reclaim SET claimed_until = {now} + {CLAIM} WHERE blob_id IN (VALUES ");
        tx.execute_rows(&head, keys(&claimed), ")").await?;
        for id in &still_referenced {
            tracing::error!(blob = %id, "blob in the reclaim queue is still referenced: kept");
        }
        let head = format!("UPDATE reclaim SET not_before = {now} + {INCONSISTENT_BACKOFF} WHERE blob_id IN (VALUES ");
        tx.execute_rows(&head, keys(&still_referenced), ")").await?;
        Ok(dead)
    }
}

struct Forget(Vec<BlobId>);

impl Work for Forget {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        // Only what was claimed and is dead: anything else stays, whoever asks.
        let tail =
            format!(") AND r.claimed_until > 0 AND b.live_bytes = 0 ORDER BY r.blob_id{}", tx.dialect().for_update());
        let head = "SELECT r.blob_id FROM reclaim r JOIN blob b ON b.id = r.blob_id WHERE r.blob_id IN (VALUES ";
        let rows = tx.rows_of_rows(head, keys(&self.0), &tail).await?;
        let ids = ids(&rows)?;
        for table in ["sliver", "job", "finding", "reclaim"] {
            tx.execute_rows(&format!("DELETE FROM {table} WHERE blob_id IN (VALUES "), keys(&ids), ")").await?;
        }
        tx.execute_rows("DELETE FROM blob WHERE id IN (VALUES ", keys(&ids), ")").await.map(drop)
    }
}

struct Postpone(Vec<BlobId>);

impl Work for Postpone {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let head = format!(
            "UPDATE reclaim SET not_before = {} + {UNREACHABLE_BACKOFF} WHERE claimed_until > 0 AND blob_id IN (VALUES ",
            tx.dialect().now()
        );
        tx.execute_rows(&head, keys(&self.0), ")").await.map(drop)
    }
}

struct Prune {
    table: &'static str,
    key: &'static str,
    expired: (&'static str, i64),
}

impl Work for Prune {
    /// How many rows went.
    type Done = u64;

    async fn run(&self, tx: &mut Session) -> Result<u64> {
        let Self { table, key, expired: (column, age) } = self;
        let now = tx.dialect().now();
        let text = format!(
            "DELETE FROM {table} WHERE {key} IN \
             (SELECT {key} FROM {table} WHERE {column} < {now} - {age} LIMIT {PRUNED_MAX})"
        );
        tx.execute(Statement::new(text)).await
    }
}
