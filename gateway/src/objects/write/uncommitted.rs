//! Uncommitted slivers, deleted when their write fails.

use std::sync::Arc;

use backends::SliverName;

use crate::objects::committee::Backend;

/// The slivers written so far for a blob that is not committed. Dropped, it deletes them: the
/// client went away or the write failed, and no other process knows their names.
///
/// It is disarmed (`keep`) just before the commit is sent, because from then on the rows may exist; what an unknown
/// commit leaves behind is for the orphan collection, once this incarnation is dead.
#[derive(Debug, Default)]
pub(crate) struct UncommittedSlivers {
    slivers: Vec<(Arc<Backend>, SliverName)>,
}

impl UncommittedSlivers {
    /// Adds a sliver that has been sealed, or may have been.
    pub(crate) fn add(&mut self, backend: &Arc<Backend>, name: SliverName) {
        self.slivers.push((Arc::clone(backend), name));
    }

    /// Joins another blob's slivers.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.slivers.append(&mut other.slivers);
    }

    /// The slivers stay, whatever happens now.
    pub(crate) fn keep(mut self) {
        self.slivers.clear();
    }
}

impl Drop for UncommittedSlivers {
    fn drop(&mut self) {
        if self.slivers.is_empty() {
            return;
        }
        let slivers = std::mem::take(&mut self.slivers);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                for (backend, name) in slivers {
                    if let Err(error) = backend.store.delete(&name).await {
                        tracing::debug!(backend = %backend.id, %name, %error, "an uncommitted sliver could not be deleted; left to the orphan scan");
                    }
                }
            });
        }
    }
}
