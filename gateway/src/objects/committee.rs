//! The backends that hold slivers, as the use cases see them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backends::{SliverStore, StoreError};
use tokio::time::Instant;

use super::latency::Latency;
use crate::domain::BackendId;
use crate::placement::Candidate;

/// How long a backend that refused a write is passed over while others are to be had.
const SUSPENSION: Duration = Duration::from_secs(3);

/// One backend.
#[derive(Debug)]
pub struct Member {
    /// Its name in placements.
    pub id: BackendId,
    /// Who answers for it: the failure domain.
    pub provider: String,
    /// Where it stands; shown to operators.
    pub zone: String,
    /// Its url without secrets; shown to operators.
    pub url: String,
    /// The slivers.
    pub store: Arc<dyn SliverStore>,
    /// Read latency, for choosing and hedging.
    pub(crate) reads: Latency,
    suspended_until_ms: AtomicU64,
    born: Instant,
}

impl Member {
    /// A member that takes writes until it fails one.
    #[must_use]
    pub fn new(id: BackendId, provider: String, zone: String, url: String, store: Arc<dyn SliverStore>) -> Self {
        let suspended_until_ms = AtomicU64::new(0);
        Self { id, provider, zone, url, store, reads: Latency::default(), suspended_until_ms, born: Instant::now() }
    }

    /// Whether new slivers may go there now.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.age_ms() >= self.suspended_until_ms.load(Ordering::Relaxed)
    }

    /// Notes a failed write: the backend is passed over for a moment unless the failure was about one sliver only.
    pub(crate) fn write_failed(&self, error: &StoreError) {
        tracing::warn!(backend = %self.id, %error, "a sliver could not be written");
        let pause = u64::try_from(SUSPENSION.as_millis()).unwrap_or(0);
        self.suspended_until_ms.store(self.age_ms() + pause, Ordering::Relaxed);
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// All configured backends.
#[derive(Debug, Default)]
pub struct Committee {
    members: Vec<Arc<Member>>,
    by_id: HashMap<BackendId, Arc<Member>>,
}

impl Committee {
    /// A committee of these members.
    #[must_use]
    pub fn new(members: Vec<Member>) -> Self {
        let members: Vec<_> = members.into_iter().map(Arc::new).collect();
        let by_id = members.iter().map(|member| (member.id.clone(), Arc::clone(member))).collect();
        Self { members, by_id }
    }

    /// Every member, in the order of the configuration.
    #[must_use]
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// The member with this name; `None` when it is no longer configured.
    #[must_use]
    pub fn member(&self, id: &BackendId) -> Option<&Arc<Member>> {
        self.by_id.get(id)
    }

    /// The facts placement decides on.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let candidate =
            |member: &Arc<Member>| Candidate { provider: member.provider.clone(), writable: member.writable() };
        self.members.iter().map(candidate).collect()
    }

    /// Distinct failure domains that take writes now.
    #[must_use]
    pub fn writable_domains(&self) -> usize {
        let writable = self.members.iter().filter(|member| member.writable());
        writable.map(|member| member.provider.as_str()).collect::<std::collections::HashSet<_>>().len()
    }
}
