//! Uncommitted slivers, deleted when their write fails.

use std::sync::Arc;

use backends::SliverName;

use crate::metadata::MetadataError;
use crate::objects::committee::Backend;

/// The slivers written so far for a blob that is not committed. Dropped, it deletes them: the
/// client went away or the write failed, and no other process knows their names.
///
/// From when their commit is sent, rows may name them: see [`SentSlivers`].
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

    /// Their commit is about to be sent.
    pub(crate) fn sent(mut self) -> SentSlivers {
        SentSlivers(std::mem::take(&mut self.slivers))
    }
}

/// The slivers of blobs whose commit was sent. Dropped, they stay, because rows may name them: a client that goes away does not
/// stop the commit, and one whose outcome is unknown may have been made. What that leaves behind is for the orphan
/// collection, once this incarnation is dead.
#[must_use]
pub(crate) struct SentSlivers(Vec<(Arc<Backend>, SliverName)>);

impl SentSlivers {
    /// Deletes them if the commit certainly came to nothing, or was made and makes no use of them.
    pub(crate) fn settle<T>(self, committed: &Result<T, MetadataError>, makes_use: impl FnOnce(&T) -> bool) {
        let stay = match committed {
            Ok(done) => makes_use(done),
            Err(MetadataError::Unknown) => true,
            Err(_) => false,
        };
        if !stay {
            drop(UncommittedSlivers { slivers: self.0 });
        }
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
