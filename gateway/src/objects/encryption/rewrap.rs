//! Rotation of the keys that wrap data keys: only the data keys are re-encrypted.

use crate::metadata::AttributesCursor;
use crate::objects::Objects;
use crate::objects::error::ObjectsError;

/// Rows of one page.
const PAGE: usize = 500;

/// The result of rewrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Data keys under the newest key now that were not.
    pub rewrapped: usize,
    /// Data keys that were so already.
    pub current: usize,
    /// Data keys that cannot be decrypted, unchanged.
    pub failed: usize,
}

impl Objects {
    /// Wraps the data keys of SSE-KMS under the newest versions of their keys. May be stopped and repeated at any time.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable; what was done stays done.
    pub async fn rewrap_kms_keys(&self) -> Result<Rewrapped, ObjectsError> {
        let inner = &self.inner;
        let (mut done, mut mark) = (Rewrapped::default(), AttributesCursor::default());
        while let Some(page) = inner.metadata.kms_attributes(&mut mark, PAGE).await? {
            let mut replaced = Vec::new();
            for locked in page {
                let Some(key) = locked.kms_key() else { continue };
                match inner.key_provider.rewrap(key).await {
                    Ok(None) => done.current += 1,
                    Ok(Some(newer)) => replaced.push((locked, newer)),
                    Err(error) => {
                        tracing::warn!(key = key.id, %error, "rewrapping a KMS data key failed");
                        done.failed += 1;
                    }
                }
            }
            done.rewrapped += inner.metadata.replace_kms_keys(replaced).await?;
        }
        done.failed += mark.unreadable;
        Ok(done)
    }

    /// Wraps the blobs' data keys under the newest cluster key there is. May be stopped and repeated at any time.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable; what was done stays done.
    pub async fn rewrap_blob_keys(&self) -> Result<Rewrapped, ObjectsError> {
        let inner = &self.inner;
        let (mut done, mut after) = (Rewrapped::default(), None);
        loop {
            let page = inner.metadata.wrapped_blob_keys(after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(done) };
            after = Some(*last);
            let mut rewrapped = Vec::new();
            for (id, wrapped) in page {
                match inner.id_generator.rewrap(&id, &wrapped) {
                    Ok(None) => done.current += 1,
                    Ok(Some(newer)) => rewrapped.push((id, newer)),
                    Err(error) => {
                        tracing::warn!(blob = %id, %error, "rewrapping a blob key failed");
                        done.failed += 1;
                    }
                }
            }
            done.rewrapped += rewrapped.len();
            inner.metadata.rewrap_blob_keys(rewrapped).await?;
        }
    }
}
