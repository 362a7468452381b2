//! Appending: new bytes become new extents of an object, in one change of metadata.

use codec::CatalogTarget;

use crate::domain::{Timestamp, Version, VersionId, Versioning, WriteCondition};
use crate::metadata::{AppendChange, Appended, EventTrigger, VersionHead};
use crate::objects::Objects;
use crate::objects::digests::digest::Digested;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::PotentialEvent;
use crate::objects::requests::{Put, Stored};
use crate::objects::schemes::placement_rule;
use crate::objects::write::body::IncomingBody;
use crate::objects::write::catalog_entry::{CatalogEntryBuilder, etag_of};
use crate::objects::write::entry::Entry;

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
        // Without its extents: how many pieces were appended before must not matter.
        let current = inner.metadata.current_head(put.bucket.id, &put.key).await?;
        prepare(&mut put, current.as_ref(), offset)?;
        let id = inner.id_generator.version();
        // In a catalog it is a part: alone it is no object.
        let catalog_entry = CatalogEntryBuilder {
            bucket: put.bucket.name.to_string(),
            key: put.key.clone(),
            target: CatalogTarget::Part { upload: id.0, number: 1 },
            attributes: put.attributes.clone(),
            condition: WriteCondition::None,
            write_counter: inner.id_generator.write_counter(),
            modified_at: inner.id_generator.now(),
        };
        let modified_at = catalog_entry.modified_at;
        let rule = placement_rule(&put.bucket)?;
        let entry = Entry { promise: std::mem::take(&mut put.promise), catalog_entry, run: None, rule };
        let has_list = put.attributes.acl.is_some();
        let make_change = |digested: &Digested| {
            // The transaction adds what the whole object is then.
            let potential_event = PotentialEvent::new(EventTrigger::Stored, "ObjectCreated:Put");
            let events = inner.drafts(&put.bucket, &put.key, put.origin.as_ref(), &[potential_event])?;
            let (bucket, condition) = (put.bucket.id, put.condition.clone());
            let version = version(put, id, modified_at, digested);
            Ok((AppendChange { bucket, offset, version, condition, events }, ()))
        };
        let ((), Appended { size, etag }) = inner.store(body, entry, make_change).await?;
        self.await_journal_if(has_list).await?;
        Ok(Stored { name: None, etag, checksum: None, encryption: None, size, modified_at })
    }
}

/// Refuses what could not be appended now, and asks for the checksum by which the object's own goes on. The transaction decides
/// again, on locked rows.
fn prepare(put: &mut Put, current: Option<&VersionHead>, offset: u64) -> Result<(), ObjectsError> {
    put.condition.check(current.map(|version| version.etag))?;
    put.attributes.encryption = None;
    if current.is_some_and(|version| version.attributes.encryption.is_some()) {
        return Err(ObjectsError::Enciphered);
    }
    if current.map_or(0, |version| version.size) != offset {
        return Err(ObjectsError::InvalidWriteOffset);
    }
    let whole = current.and_then(|version| version.checksum.as_ref());
    put.promise.kept = whole.map(|sum| sum.algorithm).filter(|algorithm| algorithm.crc().is_some());
    Ok(())
}

/// The row to be, or to go on.
fn version(put: Put, id: VersionId, modified_at: Timestamp, digested: &Digested) -> Version {
    Version {
        id,
        null: true,
        lock: put.lock,
        key: put.key,
        size: digested.length,
        etag: etag_of(digested),
        modified_at,
        attributes: put.attributes,
        checksum: Some(digested.kept.clone()),
        extents: Vec::new(),
    }
}
