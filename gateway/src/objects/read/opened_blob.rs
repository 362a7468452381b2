//! A blob with its data key unwrapped, ready to be read.

use std::sync::Arc;

use codec::BlobOpener;

use crate::domain::{Placement, StoredBlob};
use crate::objects::committee::{Backend, Committee};

/// A blob that can be read.
pub(crate) struct OpenedBlob {
    pub(crate) blob: Arc<StoredBlob>,
    pub(crate) opener: BlobOpener,
    /// The slivers by index: where each is, if it is anywhere.
    slivers: Vec<Option<(Arc<Backend>, Placement)>>,
}

impl OpenedBlob {
    /// Finds the backends of a blob's slivers.
    pub(crate) fn new(blob: Arc<StoredBlob>, opener: BlobOpener, committee: &Committee) -> Self {
        let mut slivers = vec![None; blob.layout.shape.scheme.n()];
        for placement in &blob.placements {
            let slot = slivers.get_mut(usize::from(placement.index));
            if let (Some(slot), Some(backend)) = (slot, committee.backend(&placement.backend)) {
                *slot = Some((Arc::clone(backend), placement.clone()));
            }
        }
        Self { blob, opener, slivers }
    }

    /// Where the sliver with this index is.
    pub(crate) fn sliver(&self, index: u8) -> Option<&(Arc<Backend>, Placement)> {
        self.slivers.get(usize::from(index)).and_then(Option::as_ref)
    }

    /// Indices of every sliver that is somewhere.
    pub(crate) fn indices(&self) -> impl Iterator<Item = u8> + '_ {
        self.slivers.iter().flatten().map(|(_, placement)| placement.index)
    }
}
