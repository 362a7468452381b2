//! Transitions: a version's bytes are re-encoded under the scheme of another storage class. Its id, its modification time
//! and its ETag stay; copies that share its old bytes keep them.

use std::sync::Arc;

use codec::{Catalog, CatalogEntry, CatalogExtent, CatalogTarget};

use crate::domain::{Bucket, Extent, ObjectAttributes, ObjectKey, Version, VersionId, VersionSelector, WriteCondition};
use crate::metadata::{
    AmendChange, Amendment, AttributeEdit, EventTrigger, ExtentMove, ExtentOwner, NewBlob, OwnedExtent,
};
use crate::objects::Objects;
use crate::objects::edit::recode::recode;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::{PotentialEvent, by_lifecycle};
use crate::objects::schemes::{BlobTerms, placement_rule};
use crate::objects::write::catalog_entry::CatalogEntryBuilder;
use crate::objects::write::uncommitted::UncommittedSlivers;

/// A blob to be, and the extent it takes the place of.
struct Recoded {
    blob: NewBlob,
    moved: ExtentMove,
    uncommitted: UncommittedSlivers,
}

/// An extent of a version, and where in the object it begins.
struct PlacedExtent {
    owned: OwnedExtent,
    object_offset: u64,
}

/// A version, and how to find it under its key.
#[derive(Clone, Copy)]
pub(crate) struct Selected {
    pub(crate) id: VersionId,
    pub(crate) selector: VersionSelector,
}

impl Objects {
    /// Moves a version to a storage class, if it is still there. First its bytes, then its label: when that does not
    /// follow, the next round finds the bytes in place and only changes the label.
    ///
    /// # Errors
    /// `Unavailable` when backends or the database are away; nothing is lost.
    pub(crate) async fn transition(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        selected: Selected,
        to: &str,
    ) -> Result<(), ObjectsError> {
        let inner = &self.inner;
        let Selected { id, selector } = selected;
        let found = inner.metadata.find(bucket.id, key, selector).await?;
        let Some(version) = found.version().filter(|version| version.id == id) else { return Ok(()) };
        let class = (to != ObjectAttributes::STANDARD).then(|| to.to_owned());
        let attributes = ObjectAttributes { storage_class: class.clone(), ..version.attributes.clone() };
        let moved = self.recode(bucket, &version, &attributes).await?;
        if !moved {
            return Ok(());
        }
        let edit = move |attributes: &mut ObjectAttributes| attributes.storage_class.clone_from(&class);
        let potential_event =
            PotentialEvent { class: Some(to), ..PotentialEvent::new(EventTrigger::Changed, "LifecycleTransition") };
        let amend = AmendChange {
            bucket: bucket.id,
            key: key.clone(),
            selector,
            amendment: Amendment::Attributes(AttributeEdit(Arc::new(edit))),
            only: Some((id, version.etag)),
            events: inner.drafts(bucket, key, Some(&by_lifecycle()), &[potential_event])?,
        };
        // Refused, it is no longer the version that was read, and nobody's to move.
        let _made_or_refused = inner.metadata.commit_one(inner.id_generator.incarnation(), Vec::new(), amend).await?;
        Ok(())
    }

    /// Codes a version's bytes as its attributes ask for; whether they are so now.
    pub(crate) async fn recode(
        &self,
        bucket: &Bucket,
        version: &Version,
        attributes: &ObjectAttributes,
    ) -> Result<bool, ObjectsError> {
        let terms = BlobTerms { scheme: self.inner.schemes.of(attributes), rule: placement_rule(bucket)? };
        let mut at = 0;
        for (ordinal, extent) in (0_u32..).zip(&version.extents) {
            let owned = OwnedExtent { owner: ExtentOwner(version.id.0), ordinal, extent: *extent };
            let from = PlacedExtent { owned, object_offset: at };
            at += extent.length;
            if self.inner.opened(&extent.blob).await?.blob.layout.shape.scheme == terms.scheme {
                continue;
            }
            let recoded = self.recode_extent(bucket, version, attributes, &from, &terms).await?;
            let sent = recoded.uncommitted.sent();
            let (blobs, moves) = (vec![recoded.blob], vec![recoded.moved]);
            let done = self.inner.metadata.move_extents(self.inner.id_generator.incarnation(), blobs, moves).await;
            sent.settle(&done, |done| done.contains(&true));
            if done? != [true] {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes one extent's bytes to a blob of their own.
    async fn recode_extent(
        &self,
        bucket: &Bucket,
        version: &Version,
        attributes: &ObjectAttributes,
        from: &PlacedExtent,
        terms: &BlobTerms,
    ) -> Result<Recoded, ObjectsError> {
        let length = from.owned.extent.length;
        let extent = CatalogExtent { object_offset: from.object_offset, blob_offset: 0, length };
        let catalog = Catalog { entries: vec![self.entry(bucket, version, attributes, extent)] };
        let identity = self.inner.id_generator.blob();
        let (blob, uncommitted) = recode(&self.inner, identity, from.owned.extent, terms, &catalog).await?;
        let to = Extent { blob: blob.blob.id, offset: 0, length };
        Ok(Recoded { blob, moved: ExtentMove { from: from.owned, to }, uncommitted })
    }

    fn entry(
        &self,
        bucket: &Bucket,
        version: &Version,
        attributes: &ObjectAttributes,
        extent: CatalogExtent,
    ) -> CatalogEntry {
        let catalog_entry = CatalogEntryBuilder {
            bucket: bucket.name.to_string(),
            key: version.key.clone(),
            target: CatalogTarget::Version(version.id.0),
            attributes: attributes.clone(),
            condition: WriteCondition::None,
            write_counter: self.inner.id_generator.write_counter(),
            modified_at: version.modified_at,
        };
        let known = Some((version.etag.md5, version.etag.parts));
        CatalogEntry { object_size: Some(version.size), etag: known, ..catalog_entry.entry(vec![extent], None) }
    }
}
