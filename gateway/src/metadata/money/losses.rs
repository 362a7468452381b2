//! What providers lost and what they took over from others, for settlements.

use std::collections::BTreeMap;

use codec::BlobId;

use crate::domain::Timestamp;
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, with_placements};
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// A sliver that a provider had lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossRow {
    /// Who had it.
    pub provider: String,
    /// Of which blob.
    pub blob: BlobId,
    /// Which of its slivers.
    pub index: u8,
    /// Since when that is known.
    pub lost_at: Timestamp,
    /// When another had it, or the same again; none while it is not rebuilt.
    pub rebuilt_at: Option<Timestamp>,
    /// How many bytes it has.
    pub bytes: u64,
}

impl MetadataStore {
    /// Slivers that were lost at some moment between two times; the first ones, and whether there may be more.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn losses(&self, from: Timestamp, to: Timestamp, most: usize) -> Result<Vec<LossRow>> {
        let mut session = self.database().reader().await?;
        let text = "SELECT lost_by, blob_id, sliver_index, lost_at, rebuilt_at, bytes FROM rebuilt_sliver \
                    WHERE rebuilt_at > $1 AND lost_at < $2 AND lost_by <> '' ORDER BY blob_id, sliver_index, attempt LIMIT $3";
        let statement = Statement::new(text).bind(from.0).bind(to.0).bind(limit(most));
        let mut losses = Vec::new();
        for row in session.rows(statement).await? {
            losses.push(LossRow {
                provider: row.text(0)?.to_owned(),
                blob: BlobId(row.array(1)?),
                index: row.number(2)?,
                lost_at: Timestamp(row.int(3)?),
                rebuilt_at: Some(Timestamp(row.int(4)?)),
                bytes: row.number(5)?,
            });
        }
        let left = most.saturating_sub(losses.len());
        losses.extend(unrepaired(&mut session, to, left).await?);
        Ok(losses)
    }

    /// Since when backends count as lost, by name: those that are away for too long, and those that were removed without handing over what
    /// they held.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn lost_backends(&self) -> Result<BTreeMap<String, Timestamp>> {
        let text = "SELECT name, lost_at FROM backend WHERE lost_at IS NOT NULL";
        let rows = self.database().rows(Statement::new(text)).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), Timestamp(row.int(1)?)))).collect()
    }

    /// Bytes of slivers that providers took over between two times because others had lost them, by name.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn rebuilt_bytes(&self, from: Timestamp, to: Timestamp) -> Result<BTreeMap<String, u64>> {
        let text = "SELECT rebuilt_by, CAST(SUM(bytes) AS BIGINT) FROM rebuilt_sliver WHERE rebuilt_at >= $1 AND rebuilt_at < $2 \
                    AND rebuilt_by <> lost_by GROUP BY rebuilt_by";
        let rows = self.database().rows(Statement::new(text).bind(from.0).bind(to.0)).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.number(1)?))).collect()
    }

    /// How many audits that backends passed between two times were about buckets of their own, by name.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn own_audits(&self, from: Timestamp, to: Timestamp) -> Result<BTreeMap<String, u64>> {
        let text = "SELECT d.backend, COUNT(*) FROM verdict d JOIN staking_provider p ON p.provider = d.backend \
                    WHERE p.account_id IS NOT NULL AND d.judged_at >= $1 AND d.judged_at < $2 AND d.verdict = 'passed' AND ( \
                    EXISTS (SELECT 1 FROM version v JOIN bucket b ON b.id = v.bucket_id \
                    WHERE v.blob_id = d.blob_id AND b.account_id = p.account_id) OR \
                    EXISTS (SELECT 1 FROM extent e JOIN version v ON v.version_id = e.owner JOIN bucket b ON b.id = v.bucket_id \
                    WHERE e.blob_id = d.blob_id AND b.account_id = p.account_id)) GROUP BY d.backend";
        let rows = self.database().rows(Statement::new(text).bind(from.0).bind(to.0)).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.number(1)?))).collect()
    }
}

/// Slivers that were found to be lost before a moment and are still expected where they were.
async fn unrepaired(session: &mut Session, to: Timestamp, most: usize) -> Result<Vec<LossRow>> {
    let text = "SELECT f.backend, f.blob_id, f.sliver_index, MIN(COALESCE(f.first_found_at, f.found_at)) FROM finding f \
                JOIN sliver s ON s.blob_id = f.blob_id AND s.sliver_index = f.sliver_index AND s.backend = f.backend \
                GROUP BY f.backend, f.blob_id, f.sliver_index \
                HAVING MIN(COALESCE(f.first_found_at, f.found_at)) < $1 ORDER BY f.blob_id, f.sliver_index LIMIT $2";
    let found = session.rows(Statement::new(text).bind(to.0).bind(limit(most))).await?;
    let mut ids = Vec::with_capacity(found.len());
    for row in &found {
        ids.push(BlobId(row.array(1)?));
    }
    ids.dedup();
    let head = format!("SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id IN (VALUES ");
    let blobs = session.rows_of_rows(&head, crate::metadata::blobs::blob::keys(&ids), ")").await?;
    let blobs = with_placements(session, &blobs).await?;
    let lengths: BTreeMap<_, _> = blobs.iter().map(|blob| (blob.id, blob.layout.sliver_len())).collect();
    let mut losses = Vec::with_capacity(found.len());
    for row in found {
        let blob = BlobId(row.array(1)?);
        let Some(bytes) = lengths.get(&blob).copied() else { continue };
        losses.push(LossRow {
            provider: row.text(0)?.to_owned(),
            blob,
            index: row.number(2)?,
            lost_at: Timestamp(row.int(3)?),
            rebuilt_at: None,
            bytes,
        });
    }
    Ok(losses)
}

/// Forgets what was rebuilt before the epoch that is settled: no later one needs it.
pub(super) async fn forget_before(tx: &mut Session, begins_at: Timestamp) -> Result<()> {
    let text = "DELETE FROM rebuilt_sliver WHERE rebuilt_at < $1";
    tx.execute(Statement::new(text).bind(begins_at.0)).await.map(drop)
}
