//! The root of a sliver, which the metadata keeps.

use crate::merkle::Hash;
use crate::{BlobLayout, Root};

const ROOT_KEY: &Hash = b"Haulout v1 sliver: root of whole";

/// The root: header digest, lengths, number of stripes and the top of the tree over the blocks.
pub(super) fn root_over(header: &Hash, layout: &BlobLayout, top: &Hash) -> Root {
    let mut hasher = blake3::Hasher::new_keyed(ROOT_KEY);
    hasher.update(header);
    hasher.update(&layout.content_len.to_be_bytes());
    hasher.update(&layout.catalog_len.to_be_bytes());
    hasher.update(&layout.stripes().to_be_bytes());
    hasher.update(top);
    Root(*hasher.finalize().as_bytes())
}
