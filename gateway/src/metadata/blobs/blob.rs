//! Reading blobs.

use std::collections::HashMap;
use std::sync::Arc;

use codec::{BlobId, Root, WrappedKey};

use crate::domain::{BackendId, Placement, StoredBlob, Timestamp};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{self, limit};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// The columns [`stored`] reads.
pub(crate) const BLOB_COLUMNS: &str = "b.id, b.scheme, b.chunk_bytes, b.chunks_per_block, b.content_len, b.catalog_len, b.wrapped_key, \
     b.rewrapped_key";

/// A blob that was claimed once may have lost slivers already, and will lose the others.
const EXPECTED: &str = "NOT EXISTS (SELECT 1 FROM reclaim r WHERE r.blob_id = b.id AND r.claimed_until > 0)";

impl MetadataStore {
    /// A blob with its placements. Cached, because only repair ever changes a blob.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn blob(&self, id: &BlobId) -> Result<Option<Arc<StoredBlob>>> {
        if let Some(blob) = self.shared.blobs.get(id) {
            return Ok(Some(blob));
        }
        let blob = self.blob_of_rows(id).await?.map(Arc::new);
        if let Some(blob) = &blob {
            self.shared.blobs.insert(*id, blob.clone());
        }
        Ok(blob)
    }

    /// A blob with its placements as its rows have them now, past the cache: for whoever must know whether a sliver was moved.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn blob_of_rows(&self, id: &BlobId) -> Result<Option<StoredBlob>> {
        let mut session = self.database().reader().await?;
        let text = format!("SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id = $1");
        let rows = session.rows(Statement::new(text).bind(id.0)).await?;
        Ok(with_placements(&mut session, &rows).await?.pop())
    }

    /// Drops a blob from the cache, because its slivers were not where the cache says.
    pub fn forget_blob(&self, id: &BlobId) {
        self.shared.blobs.invalidate(id);
    }

    /// Blobs whose slivers should all be there, in the order of their ids, after one: not those being deleted, nor those that came
    /// after a moment.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn blobs_after(&self, after: Option<BlobId>, until: Timestamp, most: usize) -> Result<Vec<StoredBlob>> {
        let mut session = self.database().reader().await?;
        let text = format!(
            "SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id > $1 AND b.created_at <= $2 AND {EXPECTED} ORDER BY b.id LIMIT $3"
        );
        let after = after.map_or(Vec::new(), |id| id.0.to_vec());
        let rows = session.rows(Statement::new(text).bind(after).bind(until.0).bind(limit(most))).await?;
        with_placements(&mut session, &rows).await
    }

    /// Blobs in which something lives and that have a sliver on a backend, in the order of their ids, after one.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn blobs_on(&self, backend: &BackendId, after: Option<BlobId>, most: usize) -> Result<Vec<StoredBlob>> {
        let mut session = self.database().reader().await?;
        let text = format!(
            "SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id IN (SELECT s.blob_id FROM sliver s JOIN blob l ON l.id = s.blob_id \
             WHERE s.backend = $1 AND s.blob_id > $2 AND l.live_bytes > 0 GROUP BY s.blob_id ORDER BY s.blob_id LIMIT $3) \
             ORDER BY b.id"
        );
        let after = after.map_or(Vec::new(), |id| id.0.to_vec());
        let rows = session.rows(Statement::new(text).bind(backend.as_str()).bind(after).bind(limit(most))).await?;
        with_placements(&mut session, &rows).await
    }

    /// Blobs in which something lives, in the order of their ids, after one.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn live_blobs(&self, after: Option<BlobId>, most: usize) -> Result<Vec<StoredBlob>> {
        let mut session = self.database().reader().await?;
        let text =
            format!("SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id > $1 AND b.live_bytes > 0 ORDER BY b.id LIMIT $2");
        let after = after.map_or(Vec::new(), |id| id.0.to_vec());
        let rows = session.rows(Statement::new(text).bind(after).bind(limit(most))).await?;
        with_placements(&mut session, &rows).await
    }

    /// Now, by the database's clock.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn database_time(&self) -> Result<Timestamp> {
        let mut session = self.database().reader().await?;
        let text = format!("SELECT {}", session.dialect().now());
        let row = session.row(Statement::new(text)).await?;
        Ok(Timestamp(row.ok_or_else(|| MetadataError::Damaged("the database has no time".to_owned()))?.int(0)?))
    }

    /// Whether all slivers of a blob should be there: it exists, and its deletion has not begun.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn is_expected(&self, id: &BlobId) -> Result<bool> {
        let mut session = self.database().reader().await?;
        let text = format!("SELECT b.id FROM blob b WHERE b.id = $1 AND {EXPECTED}");
        Ok(!session.rows(Statement::new(text).bind(id.0)).await?.is_empty())
    }
}

/// Blobs as the rows of VALUES.
pub(crate) fn keys(ids: &[BlobId]) -> Vec<[Value; 1]> {
    ids.iter().map(|id| [id.0.into()]).collect()
}

/// The blobs that rows name in their first column.
pub(crate) fn ids(rows: &[Row]) -> Result<Vec<BlobId>> {
    rows.iter().map(|row| row.array(0).map(BlobId)).collect()
}

/// Blobs from rows of [`BLOB_COLUMNS`], in their order, each with its placements.
pub(crate) async fn with_placements(session: &mut Session, rows: &[Row]) -> Result<Vec<StoredBlob>> {
    let mut blobs = rows.iter().map(stored).collect::<Result<Vec<_>>>()?;
    let ids = blobs.iter().map(|blob| [Value::from(blob.id.0)]).collect();
    let head = "SELECT blob_id, sliver_index, attempt, backend, root FROM sliver WHERE blob_id IN (VALUES ";
    let mut found = HashMap::<BlobId, Vec<Placement>>::new();
    for row in session.rows_of_rows(head, ids, ") ORDER BY blob_id, sliver_index").await? {
        let backend = row.text(3)?;
        let placement = Placement {
            index: row.number(1)?,
            backend: backend.parse().map_err(|error| MetadataError::Damaged(format!("{error}")))?,
            attempt: row.number(2)?,
            root: Root(row.array(4)?),
        };
        found.entry(BlobId(row.array(0)?)).or_default().push(placement);
    }
    for blob in &mut blobs {
        blob.placements = found.remove(&blob.id).unwrap_or_default();
    }
    Ok(blobs)
}

/// A blob from the columns of [`BLOB_COLUMNS`], which come first; without its placements.
pub(crate) fn stored(row: &Row) -> Result<StoredBlob> {
    Ok(StoredBlob {
        id: BlobId(row.array(0)?),
        layout: columns::layout(row, 1)?,
        wrapped_key: WrappedKey(row.array(6)?),
        rewrapped_key: columns::rewrapped(row.bytes_if_any(7)?)?,
        placements: Vec::new(),
    })
}
