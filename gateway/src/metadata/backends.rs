//! The backends that were ever part of the cluster, so that a wiped disk is noticed.

use super::{MetadataStore, Result};
use crate::domain::BackendId;

/// A backend as it was last recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendRow {
    /// Its name.
    pub id: BackendId,
    /// Where it is.
    pub url: String,
    /// Who answers for it; empty when nobody was named.
    pub provider: String,
    /// Where it stands; empty when nothing was said.
    pub zone: String,
    /// Its format marker was written: from now on a backend without one is another disk, not a new one.
    pub formatted: bool,
}

impl MetadataStore {
    /// Every known backend, by name.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn backends(&self) -> Result<Vec<BackendRow>> {
        todo!()
    }

    /// Adds a backend or updates what is known of it.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn record_backend(&self, row: BackendRow) -> Result<()> {
        todo!()
    }
}
