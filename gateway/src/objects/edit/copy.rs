//! Copies: more extents, no bytes; unless the content is to be enciphered otherwise than it is. The bytes are read where the copy
//! is to have digests that its source has not.

use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt as _;

use crate::domain::{
    Checksum, ChecksumAlgorithm, ChecksumKind, ContentKey, ETag, ObjectAttributes, Version, VersionPart,
};
use crate::events::Origin;
use crate::metadata::{PutChange, StoredVersion};
use crate::objects::Objects;
use crate::objects::digests::digest::{Digested, Digests};
use crate::objects::encryption::encryption_key::{KeyChoice, Opener};
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::PotentialEvent;
use crate::objects::requests::{Copy, Put, Stored};
use crate::objects::schemes::may_share;
use crate::objects::write::body::BodyPromise;
use crate::objects::write::ingest::update_offloaded;

/// The largest source of a copy, in bytes: what Amazon copies in one request, which is also what it takes to read it.
const SOURCE_BYTES_MAX: u64 = 5 << 30;

/// What is known of the content of a copy.
struct CopyDigests {
    etag: ETag,
    checksum: Option<Checksum>,
    parts: Vec<VersionPart>,
}

impl Objects {
    /// Makes a version of the source's extents. The commit finds the source still there, or nothing is copied.
    ///
    /// The copy is a whole object, whatever its source was uploaded as: its tag is the MD5 of its content and its checksum is
    /// over all of it, unless the operator wants copies that cost nothing (`copies_keep_parts`). Content that is to be enciphered or placed
    /// otherwise than its source is read and written.
    ///
    /// # Errors
    /// `SourceGone` when the source moved or went away meanwhile; else see [`ObjectsError`].
    pub async fn copy(&self, copy: Copy) -> Result<Stored, ObjectsError> {
        if copy.source.size > SOURCE_BYTES_MAX && !self.inner.settings.objects.copies_keep_parts {
            return Err(ObjectsError::InvalidRequest(
                "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
            ));
        }
        self.refuse_early(&copy.bucket, &copy.key, &copy.condition).await?;
        if !keeps_cipher(&copy) || !may_share(&copy.source_bucket, &copy.bucket)? {
            return self.copy_bytes(copy).await;
        }
        let opener = &copy.opener;
        self.resolve_key(copy.source.attributes.encryption.as_ref(), opener).await?;
        let CopyDigests { etag, checksum, parts } = self.digests_of_copy(&copy.source, copy.algorithm, opener).await?;
        let encryption = copy.source.attributes.encryption.as_ref();
        let encryption = self.rebound(encryption, &copy.bucket, &copy.key).await?;
        let version = Version {
            id: self.inner.id_generator.version(),
            null: true,
            lock: copy.lock,
            key: copy.key,
            size: copy.source.size,
            etag,
            modified_at: self.inner.id_generator.now(),
            attributes: ObjectAttributes { encryption, ..copy.attributes },
            checksum,
            extents: copy.source.extents.clone(),
        };
        let stored = Stored {
            name: None,
            etag: version.etag,
            checksum: version.checksum.clone(),
            encryption: version.attributes.encryption.clone(),
            size: version.size,
            modified_at: version.modified_at,
        };
        let (copied_into, copied) = (copy.bucket.clone(), version.clone());
        // What has no bytes needs no source that still has them.
        let source = (!version.extents.is_empty()).then_some(copy.source.id);
        let potential_event = PotentialEvent::stored("ObjectCreated:Copy", stored.size, stored.etag);
        let events = self.inner.drafts(&copy.bucket, &version.key, copy.origin.as_ref(), &[potential_event])?;
        let (bucket, condition) = (copy.bucket.id, copy.condition);
        let change = PutChange { bucket, version, parts, condition, source, events };
        let StoredVersion { name, is_guarded } = self.inner.commit(change).await?;
        // Shared bytes are coded as the source is; a copy of another class gets bytes of its own, now or later.
        if let Err(error) = self.recode(&copied_into, &copied, &copied.attributes).await {
            tracing::warn!(%error, "re-encoding a copy for its storage class failed; it keeps the scheme of its source");
        }
        self.await_journal_if(is_guarded).await?;
        Ok(Stored { name, ..stored })
    }

    /// Reads the source and writes it as any other object.
    async fn copy_bytes(&self, copy: Copy) -> Result<Stored, ObjectsError> {
        let size = copy.source.size;
        let algorithm = copy.algorithm.or(copy.source.checksum.as_ref().map(|sum| sum.algorithm));
        let reader = self.read_with(copy.source, 0..size, &copy.opener).await?;
        let cipher = match copy.key_choice {
            Some(choice) => Some(self.new_encryption_key(choice, &copy.bucket, &copy.key).await?),
            None => None,
        };
        let promise = BodyPromise { length: Some(size), algorithm, ..BodyPromise::default() };
        let Copy { bucket, key, attributes, lock, condition, origin, .. } = copy;
        let origin = origin.map(|origin| Origin { event: Some("ObjectCreated:Copy"), ..origin });
        let put = Put { bucket, key, attributes, lock, condition, promise, cipher, origin };
        self.put(put, Box::new(reader)).await
    }

    /// The copy's tag and checksum: the source's own where they are over its content and of the algorithm that is asked for,
    /// else computed from the bytes.
    async fn digests_of_copy(
        &self,
        source: &Arc<Version>,
        asked: Option<ChecksumAlgorithm>,
        opener: &Opener,
    ) -> Result<CopyDigests, ObjectsError> {
        let has = source.checksum.as_ref();
        let is_asked = asked.is_none_or(|asked| has.is_some_and(|sum| sum.algorithm == asked));
        let keeps_parts = self.inner.settings.objects.copies_keep_parts;
        let whole = source.etag.parts.is_none() && has.is_some_and(|sum| sum.kind == ChecksumKind::FullObject);
        if is_asked && (keeps_parts || whole) {
            let parts = self.version_parts(source).await?;
            return Ok(CopyDigests { etag: source.etag, checksum: source.checksum.clone(), parts });
        }
        let algorithm = asked.or(has.map(|sum| sum.algorithm));
        let promise = BodyPromise { algorithm, ..BodyPromise::default() };
        let digested = self.digest_range(source, 0..source.size, &promise, opener).await?;
        let checksum = Some(digested.checksum);
        if keeps_parts {
            return Ok(CopyDigests { etag: source.etag, checksum, parts: self.version_parts(source).await? });
        }
        Ok(CopyDigests { etag: ETag::of_content(digested.md5), checksum, parts: Vec::new() })
    }

    /// Reads a range of a version for its digests alone.
    pub(crate) async fn digest_range(
        &self,
        source: &Arc<Version>,
        range: Range<u64>,
        promise: &BodyPromise,
        opener: &Opener,
    ) -> Result<Digested, ObjectsError> {
        let mut digests = Digests::new(promise);
        let mut reader = self.read_with(Arc::clone(source), range, opener).await?;
        while let Some(bytes) = reader.next().await.transpose()? {
            digests = update_offloaded(&self.inner, digests, bytes.into()).await?;
        }
        digests.finish(promise, None)
    }
}

/// Whether the copy is to be enciphered just as its source is.
fn keeps_cipher(copy: &Copy) -> bool {
    match (copy.source.attributes.encryption.as_ref().map(|encryption| &encryption.key), &copy.key_choice) {
        (None, None) => true,
        (Some(ContentKey::Customer(check)), Some(KeyChoice::Customer(key))) => key.is(check),
        (Some(ContentKey::Kms(kept)), Some(KeyChoice::Kms { key, context, bucket_key })) => {
            key.as_ref() == Some(&kept.id)
                && context.as_deref() == kept.client_context()
                && *bucket_key == kept.bucket_key
        }
        _ => false,
    }
}
