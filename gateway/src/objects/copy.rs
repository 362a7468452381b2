//! Copies: more extents, no bytes.

use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt as _;

use super::digest::{Digested, Digests};
use super::ingest::update_elsewhere;
use super::requests::{Copy, Stored};
use super::{BodyPromise, Objects, ObjectsError};
use crate::domain::{Checksum, ChecksumAlgorithm, Version};
use crate::metadata::{Batch, Change, PutChange};

impl Objects {
    /// Makes a version of the source's extents. The commit finds the source still there, or nothing is copied.
    ///
    /// # Errors
    /// `NoSuchKey` when the source went away meanwhile; else see [`ObjectsError`].
    pub async fn copy(&self, copy: Copy) -> Result<Stored, ObjectsError> {
        self.refuse_early(&copy.bucket, &copy.key, &copy.condition).await?;
        let checksum = self.checksum_of_copy(&copy.source, copy.algorithm).await?;
        let version = Version {
            id: self.inner.mint.version(),
            null: true,
            lock: copy.lock,
            key: copy.key,
            size: copy.source.size,
            etag: copy.source.etag,
            modified_at: self.inner.mint.now(),
            attributes: copy.attributes,
            checksum,
            extents: copy.source.extents.clone(),
        };
        let stored = Stored {
            name: None,
            etag: version.etag,
            checksum: version.checksum.clone(),
            size: version.size,
            modified_at: version.modified_at,
        };
        let parts = self.version_parts(&copy.source).await?;
        // What has no bytes needs no source that still has them.
        let source = (!version.extents.is_empty()).then_some(copy.source.id);
        let change =
            Change::Put(PutChange { bucket: copy.bucket.id, version, parts, condition: copy.condition, source });
        stored.told(self.commit_one(Batch { blobs: Vec::new(), changes: vec![change] }).await?)
    }

    /// The copy's checksum: the source's own, or another computed from the bytes when one is asked for.
    async fn checksum_of_copy(
        &self,
        source: &Arc<Version>,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<Option<Checksum>, ObjectsError> {
        let has = source.checksum.as_ref();
        let Some(algorithm) = algorithm.filter(|wanted| has.is_none_or(|sum| sum.algorithm != *wanted)) else {
            return Ok(source.checksum.clone());
        };
        let promise = BodyPromise { algorithm: Some(algorithm), ..BodyPromise::default() };
        Ok(self.digest_range(source, 0..source.size, &promise).await?.checksum)
    }

    /// Reads a range of a version for its digests alone.
    pub(crate) async fn digest_range(
        &self,
        source: &Arc<Version>,
        range: Range<u64>,
        promise: &BodyPromise,
    ) -> Result<Digested, ObjectsError> {
        let mut digests = Digests::new(promise);
        let mut reader = self.read(Arc::clone(source), range).await?;
        while let Some(bytes) = reader.next().await.transpose()? {
            digests = update_elsewhere(&self.inner, digests, bytes.into()).await?;
        }
        digests.finish(promise, None)
    }
}
