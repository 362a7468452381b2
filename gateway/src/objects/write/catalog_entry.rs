//! Catalog entries: the description of an object inside its blobs, from which it can be recovered without the database.

use codec::{CatalogEntry, CatalogExtent, CatalogTarget};

use crate::domain::{ETag, ObjectAttributes, ObjectKey, Timestamp};
use crate::objects::digests::digest::Digested;

/// Builds the catalog entries of an object or part being written.
#[derive(Clone, Debug)]
pub(crate) struct CatalogEntryBuilder {
    pub(crate) bucket: String,
    pub(crate) key: ObjectKey,
    pub(crate) target: CatalogTarget,
    pub(crate) attributes: ObjectAttributes,
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
            attributes: attribute_pairs(&self.attributes),
            extents,
        }
    }
}

/// The attributes as pairs: system headers under their names, user metadata under `x-amz-meta-`, tags
/// under `x-amz-tagging:`.
fn attribute_pairs(attributes: &ObjectAttributes) -> Vec<(String, String)> {
    let system = [
        ("content-type", &attributes.content_type),
        ("cache-control", &attributes.cache_control),
        ("content-disposition", &attributes.content_disposition),
        ("content-encoding", &attributes.content_encoding),
        ("content-language", &attributes.content_language),
        ("expires", &attributes.expires),
        ("x-amz-website-redirect-location", &attributes.website_redirect),
        ("x-amz-storage-class", &attributes.storage_class),
    ];
    let system = system.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    let user = attributes.user.iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone()));
    let tags = attributes.tags.iter().map(|(name, value)| (format!("x-amz-tagging:{name}"), value.clone()));
    // What a rebuild needs to decipher the content, should its key be at hand.
    let encryption = attributes.encryption.as_ref().and_then(|encryption| serde_json::to_string(encryption).ok());
    system.chain(user).chain(tags).chain(encryption.map(|text| ("x-haulout-encryption".to_owned(), text))).collect()
}

/// The tag of content that came in one piece.
pub(crate) fn etag_of(digested: &Digested) -> ETag {
    ETag::of_content(digested.md5)
}
