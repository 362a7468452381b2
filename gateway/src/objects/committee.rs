//! The backends that hold slivers, as the use cases see them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use backends::node::protocol::PublicKey;
use backends::{SliverStore, Space, StoreError};
use codec::Scheme;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::BackendId;
use crate::objects::maintenance::trust::Trust;
use crate::objects::read::latency::Latency;
use crate::placement::{Candidate, FailureDomains, Vetting, WriteHealth, zone_at_risk};

/// How long a backend that failed or was late counts as degraded and is avoided.
const DEGRADED_FOR: Duration = Duration::from_secs(3);

/// How long a backend that timed out on a write counts as unresponsive and gets no writes: it would stall every write for as long as
/// the timeout.
const UNRESPONSIVE_FOR: Duration = Duration::from_secs(15);

/// Timeout of the probe of a backend that is thought to be down.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the result of that probe is reused.
const PROBE_VALID_FOR: Duration = Duration::from_millis(250);

/// There is no weight by stake.
const NO_STAKE: u32 = u32::MAX;

/// What a backend must show before it takes its whole share, and how large it is until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VettingTerms {
    /// Percent of its weight that count until then.
    pub weight_percent: u8,
    /// Percent of a blob's slivers that all like it have together.
    pub slivers_percent: u8,
}

/// One backend.
#[derive(Debug)]
pub struct Backend {
    /// Its name in placements.
    pub id: BackendId,
    /// Its provider: the failure domain.
    pub provider: String,
    /// Where it stands: a wider failure domain; empty when nobody said so.
    pub zone: String,
    /// Its share of new slivers in relation to the others'. Never 0.
    pub weight: u32,
    /// The network of its public address; empty when it has none, or is no node.
    pub network: String,
    /// What it must show before it takes its whole share; none when it is trusted from the beginning.
    pub vetting: Option<VettingTerms>,
    /// Its url without secrets; shown to operators.
    pub url: String,
    /// Looking at it is billed by nobody.
    pub is_directory: bool,
    /// What is read from it is billed.
    pub is_billed: bool,
    /// The key by which it signs, if it is a storage node.
    pub node_key: Option<PublicKey>,
    /// The slivers.
    pub store: Arc<dyn SliverStore>,
    trust: Trust,
    /// Its share by stake and capacity, which counts instead of `weight` and vetting where money is charged and staked.
    staked_weight: AtomicU32,
    /// Read latency, for choosing and hedging.
    pub(crate) reads: Latency,
    degraded_until_ms: AtomicU64,
    unresponsive_until_ms: AtomicU64,
    read_suspended_until_ms: AtomicU64,
    /// It had too little space for writes when it was looked at last.
    short_of_space: AtomicBool,
    /// When it was last probed, and whether it answered.
    last_probe: Mutex<Option<(Instant, bool)>>,
    created: Instant,
}

impl Backend {
    /// A healthy backend.
    #[must_use]
    pub fn new(id: BackendId, provider: String, zone: String, url: String, store: Arc<dyn SliverStore>) -> Self {
        Self {
            id,
            provider,
            zone,
            weight: 1,
            network: String::new(),
            vetting: None,
            url,
            is_directory: true,
            is_billed: false,
            node_key: None,
            store,
            trust: Trust::default(),
            staked_weight: AtomicU32::new(NO_STAKE),
            reads: Latency::default(),
            degraded_until_ms: AtomicU64::new(0),
            unresponsive_until_ms: AtomicU64::new(0),
            read_suspended_until_ms: AtomicU64::new(0),
            short_of_space: AtomicBool::new(false),
            last_probe: Mutex::new(None),
            created: Instant::now(),
        }
    }

    /// The same member, as a store that bills each look unless it is a directory.
    #[must_use]
    pub fn on_directory(self, is_directory: bool) -> Self {
        Self { is_directory, ..self }
    }

    /// The same member, as a store that somebody bills for what is read.
    #[must_use]
    pub fn billed(self, is_billed: bool) -> Self {
        Self { is_billed, ..self }
    }

    /// The same member, as a storage node with this key.
    #[must_use]
    pub fn signing_with(self, node_key: Option<PublicKey>) -> Self {
        Self { node_key, ..self }
    }

    /// The same member with a share of its own.
    #[must_use]
    pub fn weighing(self, weight: u32) -> Self {
        Self { weight: weight.max(1), ..self }
    }

    /// The same member at a public address of this network.
    #[must_use]
    pub fn in_network(self, network: String) -> Self {
        Self { network, ..self }
    }

    /// The same member, who must show first what it has.
    #[must_use]
    pub fn vetted_by(self, vetting: Option<VettingTerms>) -> Self {
        self.trust.set_known(vetting.is_none());
        Self { vetting, ..self }
    }

    /// The facts placement decides on.
    pub(crate) fn candidate(&self) -> Candidate<'_> {
        let percent = self.terms_in_force().map_or(100, |terms| terms.weight_percent.max(1).into());
        let weight = match self.staked_weight.load(Ordering::Relaxed) {
            NO_STAKE => self.weight.saturating_mul(percent),
            staked => staked.max(1),
        };
        Candidate { name: self.id.as_str(), domains: self.domains(), weight, write_health: self.write_health() }
    }

    /// What it shares with others.
    pub(crate) fn domains(&self) -> FailureDomains<'_> {
        let vetting = self.terms_in_force().map(|terms| Vetting { slivers_percent: terms.slivers_percent });
        FailureDomains { provider: &self.provider, zone: &self.zone, network: &self.network, vetting }
    }

    /// The terms under which it is being vetted; none once it is known.
    #[must_use]
    pub fn terms_in_force(&self) -> Option<VettingTerms> {
        self.vetting.filter(|_| !self.trust.is_known())
    }

    /// Takes over whether it has been through its vetting, as the last settlement left it.
    pub(crate) fn set_vetted(&self, is_vetted: bool) {
        self.trust.set_known(self.vetting.is_none() || is_vetted);
    }

    /// Takes over its share by stake and capacity, in millionths; none where nobody has staked.
    pub(crate) fn weigh_by_stake(&self, weight: Option<u64>) {
        let weight = weight.map_or(NO_STAKE, |weight| u32::try_from(weight).unwrap_or(NO_STAKE - 1));
        self.staked_weight.store(weight, Ordering::Relaxed);
    }

    /// How far it is trusted.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Its health, judged by the last writes.
    pub(crate) fn write_health(&self) -> WriteHealth {
        let now = self.age_ms();
        let trust = &self.trust;
        let leaves = trust.is_removed() || trust.is_lost() || trust.is_draining();
        if leaves || trust.is_doubted() || trust.is_below_floor() || trust.is_silent() {
            WriteHealth::Barred
        } else if now < self.unresponsive_until_ms.load(Ordering::Relaxed) {
            WriteHealth::Unresponsive
        } else if now < self.degraded_until_ms.load(Ordering::Relaxed) {
            WriteHealth::Degraded
        } else if trust.is_unreliable() {
            WriteHealth::Unreliable
        } else {
            WriteHealth::Good
        }
    }

    /// Whether reads ask it first; a backend in trouble is asked when the others do not suffice.
    pub(crate) fn readable(&self) -> bool {
        self.age_ms() >= self.read_suspended_until_ms.load(Ordering::Relaxed) && !self.trust.is_doubted()
    }

    /// Whether it had too little space for writes when it was looked at last.
    pub(crate) fn is_short_of_space(&self) -> bool {
        self.short_of_space.load(Ordering::Relaxed)
    }

    /// Looks whether it answers, and how much space it has.
    ///
    /// # Errors
    /// It does not answer, or is another backend.
    pub async fn measure(&self) -> Result<Space, StoreError> {
        let space = self.store.probe().await?;
        self.short_of_space.store(space.is_short, Ordering::Relaxed);
        Ok(space)
    }

    /// Records a failed write: the backend is avoided for a while.
    pub(crate) fn write_failed(&self, error: &StoreError) {
        tracing::warn!(backend = %self.id, %error, "a sliver could not be written");
        if matches!(error, StoreError::Full) {
            self.short_of_space.store(true, Ordering::Relaxed);
        }
        match error {
            StoreError::TimedOut => self.suspend(&self.unresponsive_until_ms, UNRESPONSIVE_FOR),
            _ => self.suspend(&self.degraded_until_ms, DEGRADED_FOR),
        }
    }

    /// Records a failed read; an error of a single sliver does not count against the backend.
    pub(crate) fn read_failed(&self, error: &StoreError) {
        if !matches!(error, StoreError::NotFound | StoreError::Damaged { .. }) {
            self.suspend(&self.read_suspended_until_ms, DEGRADED_FOR);
        }
    }

    /// Notes an answer that did not come when the others' came.
    pub(crate) fn answered_late(&self) {
        self.suspend(&self.read_suspended_until_ms, DEGRADED_FOR);
    }

    /// Probes a backend that failed: a read that needs it does not wait until another request
    /// finds that it is back. Success makes it usable for all.
    pub(crate) async fn is_back(&self) -> bool {
        let mut last_probe = self.last_probe.lock().await;
        if let Some((at, back)) = *last_probe
            && at.elapsed() < PROBE_VALID_FOR
        {
            return back;
        }
        let back = matches!(tokio::time::timeout(PROBE_TIMEOUT, self.store.probe()).await, Ok(Ok(_)));
        *last_probe = Some((Instant::now(), back));
        back
    }

    fn suspend(&self, until: &AtomicU64, pause: Duration) {
        let pause = u64::try_from(pause.as_millis()).unwrap_or(0);
        until.store(self.age_ms() + pause, Ordering::Relaxed);
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.created.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// All configured backends.
#[derive(Debug, Default)]
pub struct Committee {
    backends: Vec<Arc<Backend>>,
    by_id: HashMap<BackendId, Arc<Backend>>,
}

impl Committee {
    /// A committee of these members.
    #[must_use]
    pub fn new(backends: Vec<Backend>) -> Self {
        let backends: Vec<_> = backends.into_iter().map(Arc::new).collect();
        let by_id = backends.iter().map(|backend| (backend.id.clone(), Arc::clone(backend))).collect();
        Self { backends, by_id }
    }

    /// Every member, in the order of the configuration.
    #[must_use]
    pub fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    /// The member with this name; `None` when it is no longer configured.
    #[must_use]
    pub fn backend(&self, id: &BackendId) -> Option<&Arc<Backend>> {
        self.by_id.get(id)
    }

    /// The position of a member in [`Self::backends`] and in the candidates.
    pub(crate) fn position(&self, id: &BackendId) -> Option<usize> {
        self.backends.iter().position(|backend| backend.id == *id)
    }

    /// Every member's store, by name.
    #[must_use]
    pub fn stores(&self) -> BTreeMap<BackendId, Arc<dyn SliverStore>> {
        self.backends.iter().map(|backend| (backend.id.clone(), Arc::clone(&backend.store))).collect()
    }

    /// The members that have too little space for writes.
    pub(crate) fn short_of_space(&self) -> impl Iterator<Item = &Arc<Backend>> {
        self.backends.iter().filter(|backend| backend.is_short_of_space() && !backend.trust.is_removed())
    }

    /// The facts placement decides on.
    pub(crate) fn candidates(&self) -> Vec<Candidate<'_>> {
        self.backends.iter().map(|backend| backend.candidate()).collect()
    }

    /// A zone whose loss would lose data of this scheme: see [`placement::zone_at_risk`](crate::placement::zone_at_risk).
    #[must_use]
    pub fn zone_at_risk(&self, scheme: Scheme) -> Option<&str> {
        zone_at_risk(&self.candidates(), scheme)
    }

    /// Distinct failure domains that take writes now.
    #[must_use]
    pub fn writable_domains(&self) -> usize {
        let writable = self.backends.iter().filter(|backend| backend.write_health().takes_repair());
        writable.map(|backend| backend.provider.as_str()).collect::<std::collections::HashSet<_>>().len()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use backends::{BackendSpec, Expect, open_bare};

    use super::*;

    async fn backend() -> Backend {
        let (name, url) = ("b1".to_owned(), "memory:".to_owned());
        let spec = BackendSpec { name, url, provider: None, zone: None, options: BTreeMap::new() };
        let store = open_bare(&spec, codec::ClusterId([1; 16]), Path::new("."), Expect::New).await.expect("in memory");
        Backend::new("b1".parse().expect("a name"), "b1".to_owned(), String::new(), String::new(), store)
    }

    #[tokio::test]
    async fn stake_counts_instead_of_the_configured_weight() {
        let backend = backend().await.weighing(3);
        assert_eq!(backend.candidate().weight, 300);
        backend.weigh_by_stake(Some(250_000));
        assert_eq!(backend.candidate().weight, 250_000);
        backend.weigh_by_stake(Some(0));
        assert_eq!(backend.candidate().weight, 1, "never nothing");
        backend.weigh_by_stake(None);
        assert_eq!(backend.candidate().weight, 300);
    }

    #[tokio::test]
    async fn who_is_silent_takes_nothing_until_it_answers() {
        let backend = backend().await;
        assert!(backend.trust().set_silent(true), "it is another answer");
        assert_eq!((backend.write_health(), backend.readable()), (WriteHealth::Barred, true), "what it has is read");
        assert!(!backend.trust().set_silent(true));
        assert!(backend.trust().set_silent(false));
        assert_eq!(backend.write_health(), WriteHealth::Good);
    }

    #[tokio::test]
    async fn who_is_unreliable_comes_after_the_others() {
        let backend = backend().await;
        assert!(backend.trust().set_unreliable(true) && !backend.trust().set_unreliable(true));
        assert_eq!((backend.write_health(), backend.readable()), (WriteHealth::Unreliable, true));
        backend.trust().set_unreliable(false);
        assert_eq!(backend.write_health(), WriteHealth::Good);
    }

    #[tokio::test]
    async fn a_newcomer_counts_with_a_part_until_a_settlement_vets_it() {
        let terms = VettingTerms { weight_percent: 5, slivers_percent: 20 };
        let newcomer = backend().await.weighing(3).vetted_by(Some(terms));
        assert_eq!((newcomer.candidate().weight, newcomer.domains().vetting.is_some()), (15, true));
        newcomer.set_vetted(true);
        assert_eq!((newcomer.candidate().weight, newcomer.domains().vetting.is_some()), (300, false));
        newcomer.set_vetted(false);
        assert_eq!(newcomer.candidate().weight, 15);
        let own = backend().await;
        own.set_vetted(false);
        assert_eq!(own.candidate().weight, 100, "who is trusted needs none");
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_remembered_for_its_time_and_no_longer() {
        let backend = backend().await;
        let after = async |seconds| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            (backend.write_health(), backend.readable())
        };
        let unavailable = StoreError::Unavailable { reason: "down".to_owned() };
        assert_eq!(after(0).await, (WriteHealth::Good, true));
        backend.write_failed(&unavailable);
        assert_eq!((after(2).await, after(1).await), ((WriteHealth::Degraded, true), (WriteHealth::Good, true)));
        backend.write_failed(&StoreError::TimedOut);
        assert_eq!((after(14).await, after(1).await), ((WriteHealth::Unresponsive, true), (WriteHealth::Good, true)));
        backend.read_failed(&unavailable);
        assert_eq!((after(2).await, after(1).await), ((WriteHealth::Good, false), (WriteHealth::Good, true)));
        backend.read_failed(&StoreError::NotFound);
        assert_eq!(after(0).await, (WriteHealth::Good, true), "a sliver's own fault is not its backend's");
    }
}
