//! Catalog entries: the description of an object inside its blobs, from which it can be recovered without the database.

use codec::{CatalogEntry, CatalogExtent, CatalogTarget};

use crate::domain::{ETag, ObjectAttributes, ObjectKey, Timestamp, WriteCondition};
use crate::objects::digests::digest::Digested;

/// Builds the catalog entries of an object or part being written.
#[derive(Clone, Debug)]
pub(crate) struct CatalogEntryBuilder {
    pub(crate) bucket: String,
    pub(crate) key: ObjectKey,
    pub(crate) target: CatalogTarget,
    pub(crate) attributes: ObjectAttributes,
    pub(crate) condition: WriteCondition,
    pub(crate) write_counter: u64,
    pub(crate) modified_at: Timestamp,
}

impl CatalogEntryBuilder {
    /// The entry for `extents` of this object in one blob. Only the entry in the last blob knows the digests.
    pub(crate) fn entry(&self, extents: Vec<CatalogExtent>, digested: Option<&Digested>) -> CatalogEntry {
        CatalogEntry {
            bucket: self.bucket.clone(),
            key: self.key.as_bytes().to_vec(),
            target: self.target,
            write_counter: self.write_counter,
            object_size: digested.map(|d| d.length),
            etag: digested.map(|d| (d.md5, None)),
            modified_at_us: self.modified_at.0,
            attributes: self.attributes.to_pairs().into_iter().chain(self.condition.to_pair()).collect(),
            extents,
        }
    }
}

/// The tag of content that came in one piece.
pub(crate) fn etag_of(digested: &Digested) -> ETag {
    ETag::of_content(digested.md5)
}
