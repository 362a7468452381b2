//! From the configuration to a store that can be trusted with slivers.

use std::path::Path;
use std::sync::Arc;

use codec::ClusterId;

use crate::{BackendSpec, Expect, SliverStore, StoreError};

/// Opens a backend.
///
/// `base` is the directory that relative paths resolve against.
pub async fn open(
    spec: &BackendSpec,
    cluster: ClusterId,
    base: &Path,
    expect: Expect,
) -> Result<Arc<dyn SliverStore>, StoreError> {
    let _ = (spec, cluster, base, expect);
    Err(StoreError::misconfigured("not yet"))
}
