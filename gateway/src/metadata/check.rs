//! Queries for consistency checks and orphan collection.

use std::collections::HashSet;

use codec::{BlobId, Root};

use crate::domain::BackendId;
use crate::metadata::engine::columns::{self, backend_id, limit};
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::{MetadataStore, meter_check};

/// A sliver that a backend should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedSliver {
    /// Of which blob.
    pub blob: BlobId,
    /// Which of its slivers.
    pub index: u8,
    /// Random part of its name.
    pub attempt: u32,
    /// Its Merkle root.
    pub root: Root,
    /// Its length in bytes.
    pub len: u64,
}

/// A sliver by its name and backend: blob, index, attempt, backend.
type SliverNameOn = (BlobId, u8, u32, BackendId);

/// Most violations reported of one kind.
const COMPLAINTS: usize = 100;

/// What must hold between rows: what is wrong, and a SELECT of the names (as bytes) for which it is. None collects rows before it
/// answers: each row is held against others by their indexes, or in the order of one, so that memory does not grow with the
/// database.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "blob {}: live_bytes is not the sum of its extents",
        "SELECT b.id FROM blob b WHERE b.live_bytes <> \
         COALESCE((SELECT SUM(e.length) FROM extent e WHERE e.blob_id = b.id), 0) \
         + COALESCE((SELECT SUM(v.size) FROM version v WHERE v.blob_id = b.id), 0)",
    ),
    (
        "blob {}: an extent lies in it but it is not there",
        "SELECT e.blob_id FROM extent e WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = e.blob_id) \
         UNION SELECT v.blob_id FROM version v \
         WHERE v.blob_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = v.blob_id)",
    ),
    (
        "blob {}: an extent leaves its content",
        "SELECT b.id FROM extent e JOIN blob b ON b.id = e.blob_id WHERE e.blob_offset + e.length > b.content_len \
         UNION SELECT b.id FROM version v JOIN blob b ON b.id = v.blob_id WHERE v.blob_offset + v.size > b.content_len",
    ),
    (
        "blob {}: nothing lives in it but it is not queued for deletion",
        "SELECT b.id FROM blob b WHERE b.live_bytes = 0 \
         AND NOT EXISTS (SELECT 1 FROM reclaim r WHERE r.blob_id = b.id)",
    ),
    (
        "blob {}: queued for deletion but something lives in it",
        "SELECT b.id FROM reclaim r JOIN blob b ON b.id = r.blob_id WHERE b.live_bytes > 0",
    ),
    (
        "blob {}: slivers, a job or a queue entry without the blob",
        "SELECT s.blob_id FROM sliver s WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = s.blob_id) \
         UNION SELECT j.blob_id FROM job j WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = j.blob_id) \
         UNION SELECT r.blob_id FROM reclaim r WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = r.blob_id)",
    ),
    (
        "blob {}: it has no slivers",
        "SELECT b.id FROM blob b WHERE NOT EXISTS (SELECT 1 FROM sliver s WHERE s.blob_id = b.id)",
    ),
    (
        "version {}: its extents do not add up to its size",
        "SELECT v.version_id FROM version v \
         WHERE (SELECT COUNT(*) FROM extent e WHERE e.owner = v.version_id) \
         + (CASE WHEN v.blob_id IS NULL THEN 0 ELSE 1 END) <> v.extent_count OR (v.blob_id IS NULL \
         AND COALESCE((SELECT SUM(e.length) FROM extent e WHERE e.owner = v.version_id), 0) <> v.size)",
    ),
    (
        "version {}: its bucket is not there",
        "SELECT v.version_id FROM version v WHERE NOT EXISTS (SELECT 1 FROM bucket b WHERE b.id = v.bucket_id)",
    ),
    (
        "key {}: it has more than one current version",
        "SELECT v.key FROM version v WHERE v.is_current GROUP BY v.bucket_id, v.key HAVING COUNT(*) > 1",
    ),
    (
        "key {}: its newest version is not the current one",
        "SELECT v.key FROM version v GROUP BY v.bucket_id, v.key \
         HAVING MAX(CASE WHEN v.is_current THEN v.seq ELSE 0 END) <> MAX(v.seq)",
    ),
    (
        "key {}: it has more than one null version",
        "SELECT v.key FROM version v WHERE v.is_null GROUP BY v.bucket_id, v.key HAVING COUNT(*) > 1",
    ),
    (
        "key {}: its bucket was never versioned, and it has a version that cannot be there",
        "SELECT v.key FROM version v JOIN bucket b ON b.id = v.bucket_id \
         WHERE b.versioning = 0 AND (v.is_marker OR NOT v.is_null OR NOT v.is_current)",
    ),
    (
        "version {}: a delete marker with content, or a lock without object lock",
        "SELECT v.version_id FROM version v WHERE v.is_marker AND (v.size > 0 OR v.extent_count > 0) \
         UNION SELECT v.version_id FROM version v JOIN bucket b ON b.id = v.bucket_id \
         WHERE NOT b.is_locked AND (v.lock_mode IS NOT NULL OR v.legal_hold IS NOT NULL)",
    ),
    (
        "quota over {}: the sums are not those of the rows",
        "SELECT q.scope FROM quota q WHERE (q.bytes_max IS NOT NULL OR q.objects_max IS NOT NULL) AND (q.bytes <> \
         COALESCE((SELECT SUM(v.size) FROM version v JOIN bucket b ON b.id = v.bucket_id \
         WHERE CASE WHEN q.scope = 'user' THEN b.account_id ELSE b.id END = q.id), 0) \
         + COALESCE((SELECT SUM(p.size) FROM part p JOIN upload u ON u.id = p.upload_id JOIN bucket b ON b.id = u.bucket_id \
         WHERE CASE WHEN q.scope = 'user' THEN b.account_id ELSE b.id END = q.id), 0) OR q.objects <> \
         (SELECT COUNT(*) FROM version v JOIN bucket b ON b.id = v.bucket_id \
         WHERE NOT v.is_marker AND CASE WHEN q.scope = 'user' THEN b.account_id ELSE b.id END = q.id))",
    ),
    (
        "quota over {}: delete markers and uploads are not those of the rows (counted again within a day if an older release ran beside this one)",
        "SELECT q.scope FROM quota q WHERE (q.bytes_max IS NOT NULL OR q.objects_max IS NOT NULL) \
         AND COALESCE(q.counting, 1) <> 0 AND q.extras <> \
         (SELECT COUNT(*) FROM version v JOIN bucket b ON b.id = v.bucket_id \
         WHERE v.is_marker AND CASE WHEN q.scope = 'user' THEN b.account_id ELSE b.id END = q.id) \
         + (SELECT COUNT(*) FROM upload u JOIN bucket b ON b.id = u.bucket_id \
         WHERE CASE WHEN q.scope = 'user' THEN b.account_id ELSE b.id END = q.id)",
    ),
    (
        "bucket {}: its meters do not sum up to what it holds",
        "SELECT b.name FROM bucket b WHERE \
         COALESCE((SELECT SUM(m.encoded_bytes_added - m.encoded_bytes_removed) FROM meter m WHERE m.bucket_id = b.id), 0) <> \
         COALESCE((SELECT SUM(v.encoded_bytes) FROM version v WHERE v.bucket_id = b.id), 0) \
         + COALESCE((SELECT SUM(p.encoded_bytes) FROM part p JOIN upload u ON u.id = p.upload_id WHERE u.bucket_id = b.id), 0) \
         OR COALESCE((SELECT SUM(m.content_bytes_added - m.content_bytes_removed) FROM meter m WHERE m.bucket_id = b.id), 0) <> \
         COALESCE((SELECT SUM(v.size) FROM version v WHERE v.bucket_id = b.id), 0) \
         + COALESCE((SELECT SUM(p.size) FROM part p JOIN upload u ON u.id = p.upload_id WHERE u.bucket_id = b.id), 0)",
    ),
    (
        "bucket number {}: it is gone, and its meters do not sum up to nothing",
        "SELECT CAST(m.bucket_id AS TEXT) FROM meter m \
         WHERE NOT EXISTS (SELECT 1 FROM bucket b WHERE b.id = m.bucket_id) GROUP BY m.bucket_id \
         HAVING SUM(m.encoded_bytes_added - m.encoded_bytes_removed) <> 0 \
         OR SUM(m.content_bytes_added - m.content_bytes_removed) <> 0",
    ),
    (
        "account {} of the ledger: its sums are not those of its transfers",
        "SELECT a.name FROM ledger_account a WHERE a.debits_posted <> COALESCE((SELECT SUM(t.amount) FROM ledger_transfer t \
         WHERE t.book = a.book AND t.debit = a.name AND t.phase IN (0, 2)), 0) \
         OR a.credits_posted <> COALESCE((SELECT SUM(t.amount) FROM ledger_transfer t \
         WHERE t.book = a.book AND t.credit = a.name AND t.phase IN (0, 2)), 0) \
         OR a.debits_pending <> COALESCE((SELECT SUM(t.amount) FROM ledger_transfer t \
         WHERE t.book = a.book AND t.debit = a.name AND t.phase = 1 \
         AND NOT EXISTS (SELECT 1 FROM ledger_transfer r WHERE r.pending_id = t.id)), 0) \
         OR a.credits_pending <> COALESCE((SELECT SUM(t.amount) FROM ledger_transfer t \
         WHERE t.book = a.book AND t.credit = a.name AND t.phase = 1 \
         AND NOT EXISTS (SELECT 1 FROM ledger_transfer r WHERE r.pending_id = t.id)), 0)",
    ),
    (
        "transfer number {}: those before it are not all there",
        "SELECT CAST(e.seq AS TEXT) FROM ledger_end e WHERE e.seq <> (SELECT COUNT(*) FROM ledger_transfer) \
         OR e.seq <> COALESCE((SELECT MAX(t.seq) FROM ledger_transfer t), 0)",
    ),
    (
        "part {}: its extents do not add up to its size",
        "SELECT p.part_id FROM part p WHERE NOT EXISTS (SELECT 1 FROM removal r WHERE r.id = p.upload_id) \
         AND COALESCE((SELECT SUM(e.length) FROM extent e WHERE e.owner = p.part_id), 0) <> p.size",
    ),
    (
        "upload {}: its parts or bucket have no counterpart",
        "SELECT p.upload_id FROM part p WHERE NOT EXISTS (SELECT 1 FROM upload u WHERE u.id = p.upload_id) \
         AND NOT EXISTS (SELECT 1 FROM removal r WHERE r.id = p.upload_id) \
         UNION SELECT u.id FROM upload u WHERE NOT EXISTS (SELECT 1 FROM bucket b WHERE b.id = u.bucket_id)",
    ),
    (
        "extents of {}: no version, part or record of the journal owns them",
        "SELECT DISTINCT e.owner FROM extent e \
         WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.version_id = e.owner AND v.extent_count > 1) \
         AND NOT EXISTS (SELECT 1 FROM part p WHERE p.part_id = e.owner) \
         AND NOT EXISTS (SELECT 1 FROM journal_record j WHERE j.id = e.owner) \
         AND NOT EXISTS (SELECT 1 FROM removal r WHERE r.id = e.owner)",
    ),
    (
        "version or upload {}: what it left behind is being removed, but it is there",
        "SELECT r.id FROM removal r WHERE EXISTS (SELECT 1 FROM upload u WHERE u.id = r.id) \
         OR EXISTS (SELECT 1 FROM version v WHERE v.version_id = r.id AND v.extent_count > 1)",
    ),
    (
        "user, group or role {}: its account is not there",
        "SELECT h.unique_id FROM holder h WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = h.account_id)",
    ),
    (
        "access key {}: its user is not there, or an account has it too",
        "SELECT k.id FROM member_key k WHERE NOT EXISTS (SELECT 1 FROM holder h WHERE h.id = k.holder_id) \
         UNION SELECT k.id FROM member_key k JOIN access_key a ON a.id = k.id",
    ),
];

impl MetadataStore {
    /// For each sliver name found on a backend, whether a row knows exactly it there: as a blob's, as
    /// one that repair is writing, or as one that was replaced and waits for its deletion.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn known_slivers(&self, names: &[SliverNameOn]) -> Result<Vec<bool>> {
        // One that is being written becomes a blob's own, and a blob's own one that waits for its deletion: read in this order, no step
        // from one table to the other passes unseen.
        self.slivers_in(&["discard", "sliver", "discard"], names).await
    }

    /// For each sliver name, whether it is a blob's own now, there.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn placed_slivers(&self, names: &[SliverNameOn]) -> Result<Vec<bool>> {
        self.slivers_in(&["sliver"], names).await
    }

    async fn slivers_in(&self, tables: &[&str], names: &[SliverNameOn]) -> Result<Vec<bool>> {
        let locations = || names.iter().map(|(blob, index, ..)| [blob.0.into(), u32::from(*index).into()]).collect();
        let mut known = HashSet::new();
        let mut session = self.database().reader().await?;
        for table in tables {
            let head = format!(
                "SELECT blob_id, sliver_index, attempt, backend FROM {table} WHERE (blob_id, sliver_index) IN (VALUES "
            );
            for row in session.rows_of_rows(&head, locations(), ")").await? {
                known.insert((BlobId(row.array(0)?), row.number(1)?, row.number(2)?, backend_id(row.text(3)?)?));
            }
        }
        Ok(names.iter().map(|name| known.contains(name)).collect())
    }

    /// The slivers a backend should hold, by blob and index, after one.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn slivers_of(
        &self,
        backend: &BackendId,
        after: Option<(BlobId, u8)>,
        most: usize,
    ) -> Result<Vec<ExpectedSliver>> {
        let text = "SELECT s.blob_id, s.sliver_index, s.attempt, s.root, \
                    b.scheme, b.chunk_bytes, b.chunks_per_block, b.content_len, b.catalog_len \
                    FROM sliver s JOIN blob b ON b.id = s.blob_id \
                    WHERE s.backend = $1 AND (s.blob_id, s.sliver_index) > ($2, $3) \
                    ORDER BY s.blob_id, s.sliver_index LIMIT $4";
        let (blob, index) = after.map_or((Vec::new(), -1), |(blob, index)| (blob.0.to_vec(), i64::from(index)));
        let statement = Statement::new(text).bind(backend.as_str()).bind(blob).bind(index).bind(limit(most));
        let rows = self.database().rows(statement).await?;
        rows.iter()
            .map(|row| {
                Ok(ExpectedSliver {
                    blob: BlobId(row.array(0)?),
                    index: row.number(1)?,
                    attempt: row.number(2)?,
                    root: Root(row.array(3)?),
                    len: columns::layout(row, 4)?.sliver_len(),
                })
            })
            .collect()
    }

    /// Number of findings of each kind.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn findings(&self) -> Result<Vec<(String, u64)>> {
        self.counts("SELECT kind, COUNT(*) FROM finding GROUP BY kind ORDER BY kind").await
    }

    /// Number of waiting jobs of each kind.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn jobs(&self) -> Result<Vec<(String, u64)>> {
        self.counts("SELECT kind, COUNT(*) FROM job GROUP BY kind ORDER BY kind").await
    }

    async fn counts(&self, text: &'static str) -> Result<Vec<(String, u64)>> {
        let rows = self.database().rows(Statement::new(text)).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.number(1)?))).collect()
    }

    /// Recomputes what rows claim about other rows. Each line names an invariant that does not hold; empty is good.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn audit_counters(&self) -> Result<Vec<String>> {
        let mut session = self.database().reader().await?;
        let mut complaints = Vec::new();
        for (wrong, text) in INVARIANTS {
            let statement = Statement::new(format!("{text} LIMIT {COMPLAINTS}"));
            for row in session.rows(statement).await? {
                complaints.push(wrong.replace("{}", &hex::encode(row.bytes(0)?)));
            }
        }
        complaints.extend(meter_check::complaints(&mut session, COMPLAINTS).await?);
        Ok(complaints)
    }
}
