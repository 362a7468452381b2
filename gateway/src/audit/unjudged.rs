//! Backends about which nothing can be judged.

use std::collections::BTreeSet;

use crate::domain::BackendId;
use crate::metadata::{MetadataError, MetadataStore};

/// Backends whose missing slivers mean nothing yet: an operator must look at them, or they left.
pub(super) async fn unjudged_backends(metadata: &MetadataStore) -> Result<BTreeSet<BackendId>, MetadataError> {
    let mut unjudged = metadata.removed_backends().await?;
    unjudged.extend(metadata.flagged_backends().await?.into_iter().map(|flagged| flagged.backend));
    Ok(unjudged)
}
