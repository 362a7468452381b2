//! The repair queue as an operator sees it: how much is asked for, in which order, and what cannot be repaired.

use codec::BlobId;

use crate::domain::RepairRank;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{limit, urgency};
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// Blobs with jobs, by their rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairQueue {
    /// The next loss is their end.
    pub last: u64,
    /// They lack slivers, and may lose more.
    pub endangered: u64,
    /// They lack nothing and are moved off backends that leave, or where their placement rules allow.
    pub moves: u64,
    /// They lack nothing and are rebalanced.
    pub rebalance: u64,
    /// They cannot be repaired now: too few slivers are left.
    pub unrepairable: u64,
    /// Of all these, those that were tried and wait to be tried again.
    pub waiting: u64,
}

/// A blob that cannot be repaired now, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrepairable {
    /// The blob.
    pub blob: BlobId,
    /// How often it was tried.
    pub attempts: u64,
    /// Some of the objects with content in it: bucket, and key as it is.
    pub objects: Vec<(String, Vec<u8>)>,
}

impl MetadataStore {
    /// Counts the jobs by rank. Reads all of them.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn repair_queue(&self) -> Result<RepairQueue> {
        // Thousands of urgency are the ranks: see `urgency` in engine/columns.rs.
        let text = "SELECT j.urgency / 1000, CAST(CASE WHEN j.waits AND j.attempts > 0 THEN 1 ELSE 0 END AS BIGINT), COUNT(*) FROM job j \
                    WHERE j.kind = 'repair' GROUP BY 1, 2";
        let mut queue = RepairQueue::default();
        for row in self.database().rows(Statement::new(text)).await? {
            let (rank, waits, count): (i64, i64, u64) = (row.int(0)?, row.int(1)?, row.number(2)?);
            let place = match rank {
                0 => &mut queue.last,
                10 => &mut queue.moves,
                11 => &mut queue.rebalance,
                20 => &mut queue.unrepairable,
                _ => &mut queue.endangered,
            };
            *place += count;
            if waits > 0 {
                queue.waiting += count;
            }
        }
        Ok(queue)
    }

    /// Some of the blobs that cannot be repaired now, each with some of its objects.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn unrepairable(&self, most: usize, objects_each: usize) -> Result<Vec<Unrepairable>> {
        let text = "SELECT j.blob_id, j.attempts FROM job j WHERE j.kind = 'repair' AND j.urgency = $1 ORDER BY j.blob_id LIMIT $2";
        let statement = Statement::new(text).bind(urgency(RepairRank::TooFewLeft)).bind(limit(most));
        let mut found = Vec::new();
        for row in self.database().rows(statement).await? {
            let blob = BlobId(row.array(0)?);
            let text = "SELECT b.name, v.key FROM version v JOIN bucket b ON b.id = v.bucket_id WHERE v.blob_id = $1 \
                        UNION SELECT b.name, v.key FROM extent e JOIN version v ON v.version_id = e.owner \
                        JOIN bucket b ON b.id = v.bucket_id WHERE e.blob_id = $1 ORDER BY 1, 2 LIMIT $2";
            let rows = self.database().rows(Statement::new(text).bind(blob.0).bind(limit(objects_each))).await?;
            let object =
                |row: &crate::metadata::engine::row::Row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()));
            let objects = rows.iter().map(object).collect::<Result<_>>()?;
            found.push(Unrepairable { blob, attempts: row.number(1)?, objects });
        }
        Ok(found)
    }
}
