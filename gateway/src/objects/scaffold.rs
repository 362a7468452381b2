//! Slivers that must not outlive a write that fails.

use std::sync::Arc;

use backends::SliverName;

use super::committee::Member;

/// The slivers written so far for a blob that is not committed. Dropped while standing, it removes them: the
/// client went away or the write failed, and no other process knows their names.
///
/// It is taken down (`keep`) just before the commit is sent, because from then on the rows may exist; what an unknown
/// commit leaves behind is for the orphan collection, once this incarnation is dead.
#[derive(Debug, Default)]
pub(crate) struct Scaffold {
    slivers: Vec<(Arc<Member>, SliverName)>,
}

impl Scaffold {
    /// Remembers a sliver that has been sealed, or may have been.
    pub(crate) fn add(&mut self, member: &Arc<Member>, name: SliverName) {
        self.slivers.push((Arc::clone(member), name));
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

impl Drop for Scaffold {
    fn drop(&mut self) {
        if self.slivers.is_empty() {
            return;
        }
        let slivers = std::mem::take(&mut self.slivers);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                for (member, name) in slivers {
                    if let Err(error) = member.store.delete(&name).await {
                        tracing::debug!(backend = %member.id, %name, %error, "a discarded sliver stays for the collector");
                    }
                }
            });
        }
    }
}
