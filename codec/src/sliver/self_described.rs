//! Reading a sliver of which nothing is known: recovery without a database.

use super::footer::parse_checked;
use super::root::root_over;
use super::{Footer, SliverError, SliverHeader, SliverIdentity};
use crate::merkle::top;
use crate::{BlobLayout, Root};

/// What a sliver says of itself. Consistent, but proven only against chance: whoever stores it could have written another. Recovery
/// believes what the blob's cipher then confirms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfDescribed {
    /// Which sliver it says it is.
    pub identity: SliverIdentity,
    /// Its root.
    pub root: Root,
    /// Its footer, to judge its blocks by.
    pub footer: Footer,
}

impl SelfDescribed {
    /// Reads header and footer of a sliver that is `sliver_len` bytes long. The header is its first
    /// [`HEADER_BYTES`](super::HEADER_BYTES), the footer its last [`FooterTail::footer_len`](super::FooterTail::footer_len). Any bytes
    /// may be given.
    ///
    /// # Errors
    /// [`SliverError`]: what does not fit.
    pub fn parse(header: &[u8], footer: &[u8], sliver_len: u64) -> Result<Self, SliverError> {
        let header = SliverHeader::parse(header)?;
        let (tail, leaves) = parse_checked(footer)?;
        let layout = BlobLayout { shape: header.shape, content_len: tail.content_len, catalog_len: tail.catalog_len };
        if layout.stripes() != tail.stripes {
            return Err(SliverError::Damaged("number of stripes"));
        }
        if layout.sliver_len() != sliver_len {
            return Err(SliverError::Length { expected: layout.sliver_len(), actual: sliver_len });
        }
        let root = root_over(&header.digest(), &layout, &top(&leaves));
        if root != tail.root {
            return Err(SliverError::Root);
        }
        let SliverHeader { cluster, blob, index, wrapped_key, .. } = header;
        let identity = SliverIdentity { cluster, blob, index, layout, wrapped_key };
        Ok(Self { identity, root, footer: Footer::of_leaves(leaves) })
    }
}
