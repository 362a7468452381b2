//! Which slivers draws name.

use crate::domain::{BackendId, Placement, StoredBlob};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, stored};
use crate::metadata::engine::columns::int;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::statement::Value;
use crate::metadata::error::Result;

use codec::Root;

/// A sliver of a backend, with its blob as far as an audit needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedSliver {
    /// The number of the blob.
    pub serial: u64,
    /// The blob; of its placements only this one.
    pub blob: StoredBlob,
    /// Where the sliver is.
    pub placement: Placement,
}

impl MetadataStore {
    /// The slivers of a backend in the blobs of these numbers, at most as many as there are numbers. Costs one lookup for each number,
    /// however much is stored. Blobs in which nothing lives are left out.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn slivers_of_serials(&self, backend: &BackendId, serials: &[u64]) -> Result<Vec<AuditedSliver>> {
        let row = |serial: &u64| -> Result<[Value; 2]> { Ok([int(*serial)?.into(), backend.as_str().into()]) };
        let rows = serials.iter().map(row).collect::<Result<Vec<_>>>()?;
        let tail = format!(
            ") SELECT {BLOB_COLUMNS}, b.serial, s.sliver_index, s.attempt, s.root FROM n \
             JOIN blob b ON b.serial = n.serial JOIN sliver s ON s.blob_id = b.id AND s.backend = n.backend \
             WHERE b.live_bytes > 0 ORDER BY b.serial, s.sliver_index"
        );
        let mut session = self.database().reader().await?;
        let found = session.rows_of_rows("WITH n (serial, backend) AS (VALUES ", rows, &tail).await?;
        found.iter().map(|row| sliver(row, backend)).collect()
    }
}

fn sliver(row: &Row, backend: &BackendId) -> Result<AuditedSliver> {
    let placement = Placement {
        index: row.number(9)?,
        backend: backend.clone(),
        attempt: row.number(10)?,
        root: Root(row.array(11)?),
    };
    let blob = StoredBlob { placements: vec![placement.clone()], ..stored(row)? };
    Ok(AuditedSliver { serial: row.number(8)?, blob, placement })
}
