//! Compaction of large blobs: what little lives of one is moved to blobs of its own.

use codec::{Catalog, CatalogEntry};

use crate::domain::Extent;
use crate::metadata::{ExtentMove, OwnedExtent, SparseBlob};
use crate::objects::Objects;
use crate::objects::edit::recode::recode;
use crate::objects::error::ObjectsError;
use crate::objects::maintenance::compact::{CLAIM_SECONDS, moved_entries};
use crate::objects::read::fetch::fetch_range;

/// Blobs claimed in one step: what lives of them is read and written one extent after the other.
const BLOBS_PER_STEP: usize = 4;

impl Objects {
    /// Moves what lives of some large blobs, of which less than half does, to blobs of its own. Returns of how many something was
    /// moved; zero means there is no more to do now. One that cannot be read is left for some time, behind the others.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn compact_large(&self) -> Result<usize, ObjectsError> {
        if self.rollback_hold().await?.is_some() {
            return Ok(0);
        }
        let mut emptied = 0;
        loop {
            let thin = self.inner.metadata.claim_thin_blobs(BLOBS_PER_STEP, CLAIM_SECONDS).await?;
            let claimed = thin.len();
            for sparse in thin {
                match self.empty_blob(&sparse).await {
                    Ok(moved) => emptied += usize::from(moved),
                    Err(error) => {
                        tracing::warn!(blob = %sparse.blob.id, %error, "what lives of a large blob could not be moved");
                    }
                }
            }
            if emptied > 0 || claimed == 0 {
                return Ok(emptied);
            }
        }
    }

    /// Moves what lives of a blob; whether anything moved.
    async fn empty_blob(&self, sparse: &SparseBlob) -> Result<bool, ObjectsError> {
        let opened = self.inner.opened(&sparse.blob.id).await?;
        let layout = opened.blob.layout;
        let catalog = fetch_range(&self.inner, &opened, layout.content_len..layout.payload_len()).await?;
        let catalog = Catalog::decode(&catalog)
            .map_err(|error| ObjectsError::Internal(format!("the catalog of blob {}: {error}", sparse.blob.id)))?;
        let mut moved = false;
        for owned in &sparse.extents {
            let entries = moved_entries(&catalog, owned.extent, 0).collect();
            moved |= self.move_extent(*owned, entries, layout.shape.scheme).await?;
        }
        Ok(moved)
    }

    /// Moves one extent to a blob of its own; false if it is no longer what it was.
    async fn move_extent(
        &self,
        owned: OwnedExtent,
        entries: Vec<CatalogEntry>,
        scheme: codec::Scheme,
    ) -> Result<bool, ObjectsError> {
        let (blob, uncommitted) = recode(&self.inner, owned.extent, scheme, &Catalog { entries }).await?;
        let to = Extent { blob: blob.blob.id, offset: 0, length: owned.extent.length };
        let sent = uncommitted.sent();
        let moves = vec![ExtentMove { from: owned, to }];
        let moved = self.inner.metadata.move_extents(self.inner.id_generator.incarnation(), vec![blob], moves).await;
        sent.settle(&moved, |moved| moved.contains(&true));
        Ok(moved? == [true])
    }
}
