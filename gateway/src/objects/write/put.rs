//! PUT: a body becomes a version.

use codec::CatalogTarget;

use crate::domain::{Bucket, ObjectKey, Version, VersionId, WriteCondition};
use crate::metadata::{EventDraft, PutChange, StoredVersion};
use crate::objects::Objects;
use crate::objects::digests::digest::Digested;
use crate::objects::encryption::content::Encipher;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::PotentialEvent;
use crate::objects::requests::{Put, Stored};
use crate::objects::schemes::placement_rule;
use crate::objects::write::body::IncomingBody;
use crate::objects::write::catalog_entry::{CatalogEntryBuilder, etag_of};
use crate::objects::write::entry::Entry;

impl Objects {
    /// Writes an object. When this returns `Ok`, its slivers are durable and its version is committed; with a lock or an access list it is
    /// in the journal too.
    ///
    /// # Errors
    /// See [`ObjectsError`]; nothing became visible, unless the journal could not be written.
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
        let id = inner.id_generator.version();
        let catalog_entry = CatalogEntryBuilder {
            bucket: put.bucket.name.to_string(),
            key: put.key.clone(),
            target: CatalogTarget::Version(id.0),
            attributes: put.attributes.clone(),
            condition: put.condition.clone(),
            write_counter: inner.id_generator.write_counter(),
            modified_at: inner.id_generator.now(),
        };
        let modified_at = catalog_entry.modified_at;
        let rule = placement_rule(&put.bucket)?;
        let entry = Entry { promise: std::mem::take(&mut put.promise), catalog_entry, run, rule };
        let make_change = |digested: &Digested| {
            let stored = Stored {
                name: None,
                etag: etag_of(digested),
                checksum: Some(digested.checksum.clone()),
                encryption: put.attributes.encryption.clone(),
                size: digested.length,
                modified_at,
            };
            let events = self.put_drafts(&put, &stored)?;
            Ok((change(put, id, &stored, events), stored))
        };
        let (stored, StoredVersion { name, is_guarded }) = inner.store(body, entry, make_change).await?;
        self.await_journal_if(is_guarded).await?;
        Ok(Stored { name, ..stored })
    }

    /// The notifications to send when it is written.
    fn put_drafts(&self, put: &Put, stored: &Stored) -> Result<Vec<EventDraft>, ObjectsError> {
        let event = put.origin.as_ref().and_then(|origin| origin.event).unwrap_or("ObjectCreated:Put");
        let potential_event = PotentialEvent::stored(event, stored.size, stored.etag);
        self.inner.drafts(&put.bucket, &put.key, put.origin.as_ref(), &[potential_event])
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
}

/// The change to commit.
fn change(put: Put, id: VersionId, stored: &Stored, events: Vec<EventDraft>) -> PutChange {
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
        extents: Vec::new(),
    };
    let (bucket, condition) = (put.bucket.id, put.condition);
    PutChange { bucket, version, parts: Vec::new(), condition, source: None, events }
}
