//! The backends as recovery sees them: names of slivers, and bytes. Nothing is known of them but what they say.

use std::sync::Arc;

use backends::{SliverName, SliverStore, StoreError};

use crate::domain::BackendId;

/// A backend that is read.
#[derive(Clone, Debug)]
pub struct SliverSource {
    /// Its name.
    pub id: BackendId,
    /// Its slivers.
    pub store: Arc<dyn SliverStore>,
}

/// A sliver that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundSliver {
    /// Which source has it, by its place.
    pub(super) source: usize,
    /// Its name there.
    pub(super) name: SliverName,
    /// Its length.
    pub(super) len: u64,
}

/// All bytes of a sliver.
pub(super) async fn read_whole(sources: &[SliverSource], sliver: &FoundSliver) -> Result<Vec<u8>, StoreError> {
    let source = sources.get(sliver.source).ok_or(StoreError::NotFound)?;
    Ok(source.store.read(&sliver.name, 0..sliver.len).await?.to_vec())
}
