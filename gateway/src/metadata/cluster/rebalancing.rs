//! A rebalance that is under way: an order of the operator, and the jobs that it asks for.

use codec::BlobId;

use crate::domain::{RepairRank, StoredBlob, Timestamp};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::keys;
use crate::metadata::engine::columns::{int, urgency};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// How a rebalance began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RebalanceStart {
    /// When, by the database's clock.
    pub began: Timestamp,
    /// Slivers that were to move then.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl MetadataStore {
    /// The rebalance that is under way; none when there is none.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn rebalance(&self) -> Result<Option<RebalanceStart>> {
        let row = self.database().row(Statement::new("SELECT began_at, slivers, bytes FROM rebalance")).await?;
        let start = |row: crate::metadata::engine::row::Row| {
            Ok(RebalanceStart { began: Timestamp(row.int(0)?), slivers: row.number(1)?, bytes: row.number(2)? })
        };
        row.map(start).transpose()
    }

    /// Begins a rebalance that is to move so much; whether there was none, else that one goes on as it is.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn begin_rebalance(&self, slivers: u64, bytes: u64) -> Result<bool> {
        self.database().transact(Begin { slivers, bytes }).await
    }

    /// Ends a rebalance, with the jobs that it asked for; what was moved stays where it is. Whether there was one.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn end_rebalance(&self) -> Result<bool> {
        self.database().transact(End).await
    }

    /// Ends the rebalance that began at a moment, if nothing of it is left to do. Whether it ended.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn end_rebalance_if_done(&self, began: Timestamp) -> Result<bool> {
        self.database().transact(EndIfDone(began)).await
    }

    /// Asks for these blobs to be rebalanced, behind everything else that is asked for; those with a job already have a more urgent one. None
    /// once the rebalance was ended. Returns how many were asked for.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn enqueue_rebalance(&self, blobs: &[StoredBlob]) -> Result<u64> {
        if blobs.is_empty() {
            return Ok(0);
        }
        self.database().transact(Enqueue(blobs.iter().map(|blob| blob.id).collect())).await
    }

    /// Blobs that are still to be rebalanced, of those that were asked for.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn rebalance_jobs(&self) -> Result<u64> {
        let text = "SELECT COUNT(*) FROM job WHERE kind = 'repair' AND urgency = $1";
        let row = self.database().row(Statement::new(text).bind(urgency(RepairRank::Unbalanced))).await?;
        row.map_or(Ok(0), |row| row.number(0))
    }
}

struct Begin {
    slivers: u64,
    bytes: u64,
}

impl Work for Begin {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = format!(
            "INSERT INTO rebalance (one, began_at, slivers, bytes) VALUES (1, {}, $1, $2) ON CONFLICT (one) DO NOTHING",
            tx.dialect().now()
        );
        Ok(tx.execute(Statement::new(text).bind(int(self.slivers)?).bind(int(self.bytes)?)).await? > 0)
    }
}

struct End;

impl Work for End {
    type Done = bool;

    /// A job with a finding is the repair's by now.
    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let ended = tx.execute(Statement::new("DELETE FROM rebalance WHERE one = 1")).await? > 0;
        let text = "DELETE FROM job WHERE kind = 'repair' AND urgency = $1 \
                    AND NOT EXISTS (SELECT 1 FROM finding f WHERE f.blob_id = job.blob_id)";
        tx.execute(Statement::new(text).bind(urgency(RepairRank::Unbalanced))).await?;
        Ok(ended)
    }
}

struct EndIfDone(Timestamp);

impl Work for EndIfDone {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "DELETE FROM rebalance WHERE one = 1 AND began_at = $1 \
                    AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'repair' AND j.urgency = $2)";
        let statement = Statement::new(text).bind(self.0.0).bind(urgency(RepairRank::Unbalanced));
        Ok(tx.execute(statement).await? > 0)
    }
}

struct Enqueue(Vec<BlobId>);

impl Work for Enqueue {
    type Done = u64;

    async fn run(&self, tx: &mut Session) -> Result<u64> {
        let head = format!(
            "INSERT INTO job (kind, blob_id, created_at, urgency) SELECT 'repair', b.id, {}, {} FROM blob b \
             WHERE b.live_bytes > 0 AND EXISTS (SELECT 1 FROM rebalance) AND b.id IN (VALUES ",
            tx.dialect().now(),
            urgency(RepairRank::Unbalanced)
        );
        tx.execute_rows(&head, keys(&self.0), ") ON CONFLICT (kind, blob_id) DO NOTHING").await
    }
}
