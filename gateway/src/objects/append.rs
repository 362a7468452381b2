//! Appending: new bytes become new extents of an object, in one change of metadata.

use codec::CatalogTarget;

use super::body::IncomingBody;
use super::digest::Digested;
use super::ingest::{Ingested, ingest};
use super::naming::{Naming, etag_of};
use super::quilter::Patch;
use super::requests::{Put, Stored};
use super::telling::Chance;
use super::{Objects, ObjectsError};
use crate::domain::{ChecksumAlgorithm, Extent, Timestamp, Version, VersionId, Versioning};
use crate::metadata::{AppendChange, Batch, Change, EventWhen, Outcome};

impl Objects {
    /// Appends to an object that has exactly `offset` bytes, or writes one at 0 where there is none. Answers the whole object.
    ///
    /// # Errors
    /// `InvalidWriteOffset` when it has another size, `Versioned` in a bucket that is or was versioned.
    pub async fn append(&self, mut put: Put, offset: u64, body: Box<dyn IncomingBody>) -> Result<Stored, ObjectsError> {
        if put.bucket.versioning != Versioning::Never {
            return Err(ObjectsError::Versioned);
        }
        let inner = &self.inner;
        let current = self.current(&put.bucket, &put.key).await?;
        prepare(&mut put, current.as_deref(), offset)?;
        let id = inner.mint.version();
        // In a catalog it is a part: alone it is no object.
        let naming = Naming {
            bucket: put.bucket.name.to_string(),
            key: put.key.clone(),
            target: CatalogTarget::Part { upload: id.0, number: 1 },
            attributes: put.attributes.clone(),
            write_counter: inner.mint.write_counter(),
            modified_at: inner.mint.now(),
        };
        let ingested = ingest(inner, body, &put.promise, &naming, None).await?;
        let modified_at = naming.modified_at;
        // The transaction adds what the whole object is then.
        let chance = Chance::new(EventWhen::Stored, "ObjectCreated:Put");
        let events = inner.drafts(&put.bucket, &put.key, put.origin.as_ref(), &[chance])?;
        let change = |digested: &Digested, extents| {
            Change::Append(AppendChange {
                bucket: put.bucket.id,
                offset,
                version: version(&put, id, modified_at, digested, extents),
                condition: put.condition.clone(),
                events: events.clone(),
            })
        };
        let outcome = match ingested {
            Ingested::Small { content, digested, .. } if content.is_empty() => {
                self.commit_one(Batch { blobs: Vec::new(), changes: vec![change(&digested, Vec::new())] }).await?
            }
            Ingested::Small { content, digested, reservation } => {
                let made = change(&digested, Vec::new());
                let change = Box::new(move |extent| match made {
                    Change::Append(mut append) => {
                        append.version.extents = vec![extent];
                        Change::Append(append)
                    }
                    other => other,
                });
                inner.quilter.join(Patch { content, naming, digested, change, reservation }).await?
            }
            Ingested::Streamed { extents, blobs, digested, scaffold } => {
                let changes = vec![change(&digested, extents)];
                scaffold.keep();
                self.commit_one(Batch { blobs, changes }).await?
            }
        };
        match outcome {
            Outcome::Appended { size, etag } => {
                Ok(Stored { name: None, etag, checksum: None, encryption: None, size, modified_at })
            }
            Outcome::Refused(refusal) => Err(refusal.into()),
            _ => Err(ObjectsError::Internal("an append had the outcome of another change".to_owned())),
        }
    }
}

/// Refuses what could not be appended now, and asks for the checksum that lets the object's own go on. The transaction decides
/// again, on locked rows.
fn prepare(put: &mut Put, current: Option<&Version>, offset: u64) -> Result<(), ObjectsError> {
    put.condition.check(current.map(|version| version.etag))?;
    put.attributes.encryption = None;
    if current.is_some_and(|version| version.attributes.encryption.is_some()) {
        return Err(ObjectsError::Enciphered);
    }
    if current.map_or(0, |version| version.size) != offset {
        return Err(ObjectsError::InvalidWriteOffset);
    }
    if put.promise.checksum.is_none() && put.promise.algorithm.is_none() {
        let whole = current.and_then(|version| version.checksum.as_ref());
        let sha = [ChecksumAlgorithm::Sha1, ChecksumAlgorithm::Sha256];
        put.promise.algorithm = whole.map(|sum| sum.algorithm).filter(|algorithm| !sha.contains(algorithm));
    }
    Ok(())
}

/// The row to be, or to go on.
fn version(put: &Put, id: VersionId, modified_at: Timestamp, digested: &Digested, extents: Vec<Extent>) -> Version {
    Version {
        id,
        null: true,
        lock: put.lock,
        key: put.key.clone(),
        size: digested.length,
        etag: etag_of(digested),
        modified_at,
        attributes: put.attributes.clone(),
        checksum: digested.checksum.clone(),
        extents,
    }
}
