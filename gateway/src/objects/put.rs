//! PUT: a body becomes a version.

use codec::CatalogTarget;

use super::body::IncomingBody;
use super::content::Encipher;
use super::digest::Digested;
use super::ingest::{Ingested, ingest};
use super::naming::{Naming, etag_of};
use super::quilter::Patch;
use super::requests::{Put, Stored};
use super::telling::Chance;
use super::{Objects, ObjectsError};
use crate::domain::{Bucket, Extent, ObjectKey, Version, VersionId, WriteCondition};
use crate::metadata::{Batch, Change, EventDraft, Outcome, PutChange};

impl Objects {
    /// Writes an object. When this returns `Ok`, its slivers are durable and its version is committed.
    ///
    /// # Errors
    /// See [`ObjectsError`]; nothing became visible.
    pub async fn put(&self, mut put: Put, body: Box<dyn IncomingBody>) -> Result<Stored, ObjectsError> {
        self.refuse_early(&put.bucket, &put.key, &put.condition).await?;
        let inner = &self.inner;
        let run = match put.cipher.take() {
            None => {
                put.attributes.encryption = None;
                None
            }
            Some(lock) => {
                let (run, encryption) = Encipher::of_object(inner, &lock)?;
                put.attributes.encryption = Some(encryption);
                Some(run)
            }
        };
        let id = inner.mint.version();
        let naming = Naming {
            bucket: put.bucket.name.to_string(),
            key: put.key.clone(),
            target: CatalogTarget::Version(id.0),
            attributes: put.attributes.clone(),
            write_counter: inner.mint.write_counter(),
            modified_at: inner.mint.now(),
        };
        let ingested = ingest(inner, body, &put.promise, &naming, run.as_ref()).await?;
        let (stored, outcome) = match ingested {
            Ingested::Small { content, digested, reservation } => {
                let stored = stored(&naming, &digested);
                let events = self.put_drafts(&put, &stored)?;
                let outcome = if content.is_empty() {
                    self.commit_one(Batch {
                        blobs: Vec::new(),
                        changes: vec![change(put, id, &stored, Vec::new(), events)],
                    })
                    .await?
                } else {
                    let made = stored.clone();
                    let change = Box::new(move |extent| change(put, id, &made, vec![extent], events));
                    inner.quilter.join(Patch { content, naming, digested, change, reservation }).await?
                };
                (stored, outcome)
            }
            Ingested::Streamed { extents, blobs, digested, scaffold } => {
                let stored = stored(&naming, &digested);
                let events = self.put_drafts(&put, &stored)?;
                let changes = vec![change(put, id, &stored, extents, events)];
                scaffold.keep();
                (stored, self.commit_one(Batch { blobs, changes }).await?)
            }
        };
        stored.told(outcome)
    }

    /// Who is told when it is written.
    fn put_drafts(&self, put: &Put, stored: &Stored) -> Result<Vec<EventDraft>, ObjectsError> {
        let event = put.origin.as_ref().and_then(|origin| origin.event).unwrap_or("ObjectCreated:Put");
        let chance = Chance::stored(event, stored.size, stored.etag);
        self.inner.drafts(&put.bucket, &put.key, put.origin.as_ref(), &[chance])
    }

    /// Refuses a conditional write before its body is read when it could not succeed now. The transaction decides
    /// again, on locked rows.
    pub(crate) async fn refuse_early(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        condition: &WriteCondition,
    ) -> Result<(), ObjectsError> {
        if *condition == WriteCondition::None {
            return Ok(());
        }
        let current = self.current(bucket, key).await?;
        condition.check(current.map(|version| version.etag)).map_err(ObjectsError::from)
    }

    /// Commits one change with the blobs it needs.
    pub(crate) async fn commit_one(&self, batch: Batch) -> Result<Outcome, ObjectsError> {
        let mut outcomes = self.inner.metadata.commit(self.inner.mint.incarnation(), batch).await?;
        outcomes.pop().ok_or_else(|| ObjectsError::Internal("a commit gave no outcome".to_owned()))
    }
}

impl Stored {
    /// With the name that the commit gave it.
    ///
    /// # Errors
    /// Why it was refused.
    pub(crate) fn told(self, outcome: Outcome) -> Result<Self, ObjectsError> {
        match outcome {
            Outcome::Refused(refusal) => Err(refusal.into()),
            Outcome::Stored { name } => Ok(Self { name, ..self }),
            Outcome::Deleted(_) | Outcome::Amended { .. } | Outcome::Renamed | Outcome::Appended { .. } => {
                Err(ObjectsError::Internal("a write had the outcome of another change".to_owned()))
            }
        }
    }
}

/// What the client is told.
fn stored(naming: &Naming, digested: &Digested) -> Stored {
    Stored {
        name: None,
        etag: etag_of(digested),
        checksum: digested.checksum.clone(),
        encryption: naming.attributes.encryption.clone(),
        size: digested.length,
        modified_at: naming.modified_at,
    }
}

/// The row to be.
fn change(put: Put, id: VersionId, stored: &Stored, extents: Vec<Extent>, events: Vec<EventDraft>) -> Change {
    let version = Version {
        id,
        null: true,
        lock: put.lock,
        key: put.key,
        size: stored.size,
        etag: stored.etag,
        modified_at: stored.modified_at,
        attributes: put.attributes,
        checksum: stored.checksum.clone(),
        extents,
    };
    let (bucket, condition) = (put.bucket.id, put.condition);
    Change::Put(PutChange { bucket, version, parts: Vec::new(), condition, source: None, events })
}
