//! Compaction of large blobs: what little lives of one is moved to blobs of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use codec::{Catalog, CatalogEntry};

use crate::domain::Extent;
use crate::metadata::{ExtentMove, OwnedExtent, SparseBlob, ThinBlob};
use crate::objects::Objects;
use crate::objects::edit::recode::recode;
use crate::objects::error::ObjectsError;
use crate::objects::maintenance::compact::{CLAIM_SECONDS, moved_entries};
use crate::objects::read::fetch::fetch_range;
use crate::objects::schemes::BlobTerms;

/// Blobs emptied in one step: what lives of each is read and written one extent after the other.
const BLOBS_PER_STEP: usize = 4;

/// How often a claim is renewed while its blob is being emptied. Two renewals may fail before it runs out.
const RENEW_AFTER: Duration = Duration::from_secs(CLAIM_SECONDS.unsigned_abs() / 3);

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
        while emptied < BLOBS_PER_STEP {
            let Some(thin) = self.inner.metadata.claim_thin_blob(CLAIM_SECONDS).await? else { break };
            let blob = thin.sparse.blob.id;
            match self.empty_claimed(thin).await {
                Ok(moved) => emptied += usize::from(moved),
                Err(error) => {
                    tracing::warn!(%blob, %error, "what lives of a large blob could not be moved");
                }
            }
        }
        Ok(emptied)
    }

    /// Moves what lives of a blob, and keeps the claim meanwhile: however slow the backends are, no other gateway does the same.
    /// Once the claim is another's, the extent under way is the last. Whether anything moved.
    async fn empty_claimed(&self, mut thin: ThinBlob) -> Result<bool, ObjectsError> {
        let sparse = thin.sparse.clone();
        let is_lost = AtomicBool::new(false);
        let renewing = async {
            loop {
                tokio::time::sleep(RENEW_AFTER).await;
                match self.inner.metadata.renew_thin_claim(&mut thin, CLAIM_SECONDS).await {
                    Ok(true) => {}
                    Ok(false) => is_lost.store(true, Ordering::Relaxed),
                    Err(error) => tracing::debug!(%error, "the claim of a large blob could not be renewed"),
                }
            }
        };
        tokio::select! {
            moved = self.empty_blob(&sparse, &is_lost) => moved,
            () = renewing => Ok(false),
        }
    }

    /// Moves what lives of a blob, each extent to where its bucket's placement rule wants it, until the claim is lost; whether anything moved.
    pub(crate) async fn empty_blob(&self, sparse: &SparseBlob, is_lost: &AtomicBool) -> Result<bool, ObjectsError> {
        let opened = self.inner.opened(&sparse.blob.id).await?;
        let layout = opened.blob.layout;
        let catalog = fetch_range(&self.inner, &opened, layout.content_len..layout.payload_len()).await?;
        let catalog = Catalog::decode(&catalog)
            .map_err(|error| ObjectsError::Internal(format!("the catalog of blob {}: {error}", sparse.blob.id)))?;
        let rules = self.inner.metadata.placement_rules_of_owners(&[sparse.blob.id]).await?;
        let mut moved = false;
        for owned in &sparse.extents {
            if is_lost.load(Ordering::Relaxed) {
                break;
            }
            let entries = moved_entries(&catalog, owned.extent, 0).collect();
            let terms = BlobTerms { scheme: layout.shape.scheme, rule: rules.get(&owned.owner).cloned() };
            moved |= self.move_extent(*owned, entries, &terms).await?;
        }
        Ok(moved)
    }

    /// Moves one extent to a blob of its own; false if it is no longer what it was.
    async fn move_extent(
        &self,
        owned: OwnedExtent,
        entries: Vec<CatalogEntry>,
        terms: &BlobTerms,
    ) -> Result<bool, ObjectsError> {
        let identity = self.inner.id_generator.compacted_blob();
        let (blob, uncommitted) = recode(&self.inner, identity, owned.extent, terms, &Catalog { entries }).await?;
        let to = Extent { blob: blob.blob.id, offset: 0, length: owned.extent.length };
        let sent = uncommitted.sent();
        let moves = vec![ExtentMove { from: owned, to }];
        let moved = self.inner.metadata.move_extents(self.inner.id_generator.incarnation(), vec![blob], moves).await;
        sent.settle(&moved, |moved| moved.contains(&true));
        Ok(moved? == [true])
    }
}
