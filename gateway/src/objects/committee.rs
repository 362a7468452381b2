//! The backends that hold slivers, as the use cases see them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backends::{SliverStore, StoreError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::latency::Latency;
use super::trust::Trust;
use crate::domain::BackendId;
use crate::placement::{Candidate, Standing};

/// How long a backend that failed or answered late is passed over while others are to be had.
const SUSPENSION: Duration = Duration::from_secs(3);

/// How long a backend that did not answer a write is left out: it would hold up every write for as long as
/// patience lasts.
const SILENCE: Duration = Duration::from_secs(15);

/// How long a backend that is thought to be down may take to say that it is not.
const KNOCK: Duration = Duration::from_secs(2);

/// How long that answer stands: everybody who needs the backend would ask.
const KNOCK_STANDS: Duration = Duration::from_millis(250);

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
    /// Looking at it is billed by nobody.
    pub is_directory: bool,
    /// The slivers.
    pub store: Arc<dyn SliverStore>,
    trust: Trust,
    /// Read latency, for choosing and hedging.
    pub(crate) reads: Latency,
    doubtful_until_ms: AtomicU64,
    silent_until_ms: AtomicU64,
    read_suspended_until_ms: AtomicU64,
    /// When it was last asked whether it is back, and whether it was.
    knocked: Mutex<Option<(Instant, bool)>>,
    born: Instant,
}

impl Member {
    /// A member that takes writes until it fails one.
    #[must_use]
    pub fn new(id: BackendId, provider: String, zone: String, url: String, store: Arc<dyn SliverStore>) -> Self {
        Self {
            id,
            provider,
            zone,
            url,
            is_directory: true,
            store,
            trust: Trust::default(),
            reads: Latency::default(),
            doubtful_until_ms: AtomicU64::new(0),
            silent_until_ms: AtomicU64::new(0),
            read_suspended_until_ms: AtomicU64::new(0),
            knocked: Mutex::new(None),
            born: Instant::now(),
        }
    }

    /// The same member, as a store that bills each look unless it is a directory.
    #[must_use]
    pub fn on_directory(self, is_directory: bool) -> Self {
        Self { is_directory, ..self }
    }

    /// How far it is trusted.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// How it took the last writes.
    pub(crate) fn standing(&self) -> Standing {
        let now = self.age_ms();
        if self.trust.is_doubted() || self.trust.is_removed() {
            Standing::Barred
        } else if now < self.silent_until_ms.load(Ordering::Relaxed) {
            Standing::Silent
        } else if now < self.doubtful_until_ms.load(Ordering::Relaxed) {
            Standing::Doubtful
        } else {
            Standing::Good
        }
    }

    /// Whether reads ask it first; a backend in trouble is asked when the others do not suffice.
    pub(crate) fn readable(&self) -> bool {
        self.age_ms() >= self.read_suspended_until_ms.load(Ordering::Relaxed) && !self.trust.is_doubted()
    }

    /// Notes a failed write: the backend is passed over for a moment.
    pub(crate) fn write_failed(&self, error: &StoreError) {
        tracing::warn!(backend = %self.id, %error, "a sliver could not be written");
        match error {
            StoreError::TimedOut => self.suspend(&self.silent_until_ms, SILENCE),
            _ => self.suspend(&self.doubtful_until_ms, SUSPENSION),
        }
    }

    /// Notes a failed read; one that is about a single sliver says nothing about the backend.
    pub(crate) fn read_failed(&self, error: &StoreError) {
        if !matches!(error, StoreError::NotFound | StoreError::Damaged { .. }) {
            self.suspend(&self.read_suspended_until_ms, SUSPENSION);
        }
    }

    /// Notes an answer that did not come when the others' came.
    pub(crate) fn answered_late(&self) {
        self.suspend(&self.read_suspended_until_ms, SUSPENSION);
    }

    /// Asks a backend that failed whether it is back: whoever cannot do without it does not wait until somebody else
    /// finds out. An answer opens the way for everybody.
    pub(crate) async fn is_back(&self) -> bool {
        let mut knocked = self.knocked.lock().await;
        if let Some((at, back)) = *knocked
            && at.elapsed() < KNOCK_STANDS
        {
            return back;
        }
        let back = matches!(tokio::time::timeout(KNOCK, self.store.probe()).await, Ok(Ok(_)));
        *knocked = Some((Instant::now(), back));
        back
    }

    fn suspend(&self, until: &AtomicU64, pause: Duration) {
        let pause = u64::try_from(pause.as_millis()).unwrap_or(0);
        until.store(self.age_ms() + pause, Ordering::Relaxed);
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

    /// Every member's store, by name.
    #[must_use]
    pub fn stores(&self) -> BTreeMap<BackendId, Arc<dyn SliverStore>> {
        self.members.iter().map(|member| (member.id.clone(), Arc::clone(&member.store))).collect()
    }

    /// The facts placement decides on.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let candidate =
            |member: &Arc<Member>| Candidate { provider: member.provider.clone(), standing: member.standing() };
        self.members.iter().map(candidate).collect()
    }

    /// Distinct failure domains that take writes now.
    #[must_use]
    pub fn writable_domains(&self) -> usize {
        let writable = self.members.iter().filter(|member| member.standing() == Standing::Good);
        writable.map(|member| member.provider.as_str()).collect::<std::collections::HashSet<_>>().len()
    }
}
