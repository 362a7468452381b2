//! Heartbeats, carried out: look at every backend, compare (`domain::heartbeat`), commit, then write.
//!
//! See `domain/heartbeat.rs` for what is compared, and ARCHITECTURE.md for what follows from it.

mod refresh;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backends::Pulse;
use codec::{ClusterId, ClusterKey};
use futures::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::{Ambient, random};
use crate::domain::{BackendFlag, BackendId, Heartbeat, HeartbeatVerdict, SeenBackend, SeenHeartbeat};
use crate::metadata::{BackendSighting, MetadataError, MetadataStore, SightedBackend, Thresholds};
use crate::objects::committee::{Backend, Committee};

/// How long a backend may take to show its heartbeat.
const LOOK: Duration = Duration::from_secs(5);

/// How long after the round began a heartbeat may still be written. What is committed and not written is written by the next
/// round; what is written late could replace a later one.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// A backend that is away is watched as long as the looks at it are no further apart than this, at least.
const WATCHED_MIN: Duration = Duration::from_secs(600);

/// How often the gateway that starts tries to see a backend between two heartbeats of the others.
const TRIES: usize = 3;

/// How often heartbeats are made, and what follows from audits. What happened since the last heartbeat is what a rollback can hide.
#[derive(Clone, Copy, Debug)]
pub struct HeartbeatSettings {
    /// On directories.
    pub directory: Duration,
    /// On stores that bill each look.
    pub remote: Duration,
    /// Below which scores of its audits a backend is not relied on.
    pub thresholds: Thresholds,
}

/// What one round found.
#[derive(Clone, Debug, Default)]
pub struct HeartbeatRound {
    /// The highest incarnation that an authentic heartbeat names.
    pub incarnation: u32,
    /// The highest incarnation named by a backend that is newer than the database.
    pub forgotten: u32,
    /// The highest segment of the journal that an authentic heartbeat names.
    pub segment: u64,
}

/// Makes the heartbeats of one gateway. Cheap to clone.
#[derive(Clone)]
pub struct Heartbeats(Arc<Inner>);

struct Inner {
    metadata: MetadataStore,
    backends: Vec<Arc<Backend>>,
    cluster: ClusterId,
    key: ClusterKey,
    /// The newest key of several authenticates, since a rotation made it the one that wraps; before, another gateway may not have it.
    with_newest_key: AtomicBool,
    ambient: Ambient,
    settings: HeartbeatSettings,
    /// When each backend was last seen.
    seen: Mutex<HashMap<BackendId, Instant>>,
    /// The highest segment of the journal that any backend has recorded.
    segment: AtomicU64,
    /// Backends that show a later generation than the database knows: another one was rebuilt from them, or this one was restored.
    taken_over: Mutex<BTreeSet<BackendId>>,
    /// Cancelled when another copy of the database was found.
    cloned: CancellationToken,
}

impl fmt::Debug for Heartbeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeats").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Heartbeats {
    /// Of these backends. Until a backend was seen, nothing may be deleted anywhere.
    #[must_use]
    pub fn new(
        metadata: MetadataStore,
        committee: &Committee,
        cluster: ClusterId,
        key: ClusterKey,
        ambient: Ambient,
        settings: HeartbeatSettings,
    ) -> Self {
        let backends = committee.backends().to_vec();
        backends.iter().for_each(|backend| backend.trust().await_sight());
        let (seen, cloned) = (Mutex::default(), CancellationToken::new());
        let (segment, taken_over) = (AtomicU64::new(0), Mutex::default());
        let with_newest_key = AtomicBool::new(false);
        Self(Arc::new(Inner {
            metadata,
            backends,
            cluster,
            key,
            with_newest_key,
            ambient,
            settings,
            seen,
            segment,
            taken_over,
            cloned,
        }))
    }

    /// Looks at every backend and makes no heartbeat: before there is an incarnation, and for commands.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn look(&self) -> Result<HeartbeatRound, MetadataError> {
        self.refresh().await?;
        let mut round = self.round(None, self.0.backends.clone(), true).await?;
        for _ in 1..TRIES {
            let unseen: Vec<_> = self.0.backends.iter().filter(|backend| !backend.trust().is_seen()).cloned().collect();
            if unseen.is_empty() {
                break;
            }
            let again = self.round(None, unseen, true).await?;
            round.incarnation = round.incarnation.max(again.incarnation);
            round.forgotten = round.forgotten.max(again.forgotten);
        }
        Ok(round)
    }

    /// Makes a heartbeat on every backend, whether or not one is due: before serving, and at a good end.
    ///
    /// # Errors
    /// The database is unavailable, or has marked the incarnation dead.
    pub async fn beat(&self, incarnation: u32) -> Result<HeartbeatRound, MetadataError> {
        self.round(Some(incarnation), self.0.backends.clone(), true).await
    }

    /// Makes a heartbeat on every backend with the newest key of several, and all later ones: a rotation has made it the one that wraps. Whoever
    /// has no other would not believe those before.
    ///
    /// # Errors
    /// The database is unavailable, or has marked the incarnation dead.
    pub async fn renew_key(&self, incarnation: u32) -> Result<(), MetadataError> {
        self.0.with_newest_key.store(true, Ordering::Relaxed);
        self.beat(incarnation).await.map(drop)
    }

    /// Makes heartbeats for ever. Cancels `fenced` when blobs of an earlier run may bear this incarnation's number, so that
    /// another is begun.
    pub async fn go_on(self, incarnation: u32, fenced: CancellationToken) {
        loop {
            tokio::time::sleep(self.0.settings.directory.min(self.0.settings.remote)).await;
            match self.round(Some(incarnation), self.due(), false).await {
                Ok(round) if round.forgotten >= incarnation => {
                    tracing::error!(incarnation, "a backend knows an incarnation of this number from another run");
                    return fenced.cancel();
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "no heartbeats were made"),
            }
        }
    }

    /// Cancelled when another copy of the database was found to make heartbeats: this gateway must stop.
    #[must_use]
    pub fn cloned(&self) -> &CancellationToken {
        &self.0.cloned
    }

    /// The last segment of the journal that any backend has recorded.
    #[must_use]
    pub fn recorded_segment(&self) -> u64 {
        self.0.segment.load(Ordering::Relaxed)
    }

    /// What a backend shows now, as far as it can be believed.
    ///
    /// # Errors
    /// It does not answer, or is not this backend.
    pub async fn sight(&self, backend: &Backend) -> Result<SeenBackend, backends::StoreError> {
        let pulse = tokio::time::timeout(LOOK, backend.store.pulse()).await;
        let Pulse { generation, heartbeat } = pulse.unwrap_or(Err(backends::StoreError::TimedOut))?;
        let heartbeat = match heartbeat {
            None => SeenHeartbeat::Absent,
            Some(bytes) => match Heartbeat::from_record(&bytes, self.0.cluster, &backend.id, &self.0.key) {
                Ok(heartbeat) => {
                    self.0.segment.fetch_max(Heartbeat::recorded_segment(&bytes), Ordering::Relaxed);
                    SeenHeartbeat::Authentic(heartbeat)
                }
                Err(reason) => SeenHeartbeat::Unauthentic(reason),
            },
        };
        Ok(SeenBackend { generation, heartbeat })
    }

    /// Writes a heartbeat that was committed.
    ///
    /// # Errors
    /// It may or may not be there; the next round finds out.
    pub async fn write(&self, backend: &Backend, heartbeat: &Heartbeat) -> Result<(), backends::StoreError> {
        // A number that cannot be looked up now is in the next one.
        let segment = self.0.metadata.journal_end().await.map_or(0, |end| end.number);
        let is_renewed = self.0.with_newest_key.load(Ordering::Relaxed);
        let key = if is_renewed { self.0.key.newest() } else { &self.0.key };
        let record = heartbeat.to_record(self.0.cluster, &backend.id, key, segment);
        backend.store.beat(record.into()).await
    }

    /// The backends to look at now: those not seen for their period, and those that did not answer.
    fn due(&self) -> Vec<Arc<Backend>> {
        let seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let slack = self.0.settings.directory / 10;
        let due = |backend: &&Arc<Backend>| {
            let last = seen.get(&backend.id);
            last.is_none_or(|at| at.elapsed() + slack >= self.period(backend)) || !backend.trust().is_seen()
        };
        self.0.backends.iter().filter(due).cloned().collect()
    }

    fn period(&self, backend: &Backend) -> Duration {
        if backend.is_directory { self.0.settings.directory } else { self.0.settings.remote }
    }

    async fn round(
        &self,
        incarnation: Option<u32>,
        backends: Vec<Arc<Backend>>,
        force: bool,
    ) -> Result<HeartbeatRound, MetadataError> {
        let kept = self.0.metadata.heartbeats().await?;
        // What was taken out of the cluster holds nobody up.
        let looks = backends.iter().filter(|backend| !backend.trust().is_removed());
        let looks = looks.map(|backend| async move { (backend, self.sight(backend).await) });
        let mut round = HeartbeatRound::default();
        let (mut sightings, mut away) = (Vec::new(), Vec::new());
        for (backend, seen) in join_all(looks).await {
            let seen = match seen {
                Ok(seen) => seen,
                Err(error) => {
                    tracing::debug!(backend = %backend.id, %error, "a backend shows no heartbeat now");
                    away.push(backend.id.clone());
                    continue;
                }
            };
            if let SeenHeartbeat::Authentic(heartbeat) = &seen.heartbeat {
                round.incarnation = round.incarnation.max(heartbeat.incarnation);
            }
            // A little early is not too early, or every other round of this gateway would find nothing due.
            let period = if force { Duration::ZERO } else { self.period(backend) * 9 / 10 };
            sightings.push(BackendSighting {
                backend: backend.id.clone(),
                kept: kept.get(&backend.id).copied(),
                seen,
                nonce: random(&*self.0.ambient.entropy),
                period: i64::try_from(period.as_micros()).unwrap_or(i64::MAX),
            });
        }
        // Commands do not look often enough to say how long a backend is away.
        if incarnation.is_some() {
            self.note_looks(away, sightings.iter().map(|one| one.backend.clone()).collect()).await?;
        }
        let begun = Instant::now();
        let shown: BTreeMap<_, _> = sightings.iter().map(|one| (one.backend.clone(), one.seen.clone())).collect();
        let later: BTreeSet<_> =
            sightings.iter().filter(|one| is_of_later_generation(one)).map(|one| one.backend.clone()).collect();
        let sighted = self.0.metadata.note_sightings(incarnation, sightings).await?;
        for one in &sighted {
            if let (Some(HeartbeatVerdict::Flag(BackendFlag::DatabaseBehind, _)), Some(seen)) =
                (&one.verdict, shown.get(&one.backend))
                && let SeenHeartbeat::Authentic(heartbeat) = &seen.heartbeat
            {
                round.forgotten = round.forgotten.max(heartbeat.incarnation);
            }
        }
        round.segment = self.recorded_segment();
        self.0.metadata.compare_journal(round.segment, self.note_taken_over(&sighted, &later)).await?;
        join_all(sighted.iter().map(|one| self.conclude(one, begun))).await;
        self.refresh().await?;
        Ok(round)
    }

    /// Whether any backend is known to show a later generation than the database knows. What cannot be said now is as it was.
    fn note_taken_over(&self, sighted: &[SightedBackend], later: &BTreeSet<BackendId>) -> bool {
        let mut taken_over = self.0.taken_over.lock().unwrap_or_else(PoisonError::into_inner);
        for one in sighted.iter().filter(|one| one.verdict.is_some()) {
            if later.contains(&one.backend) {
                taken_over.insert(one.backend.clone());
            } else {
                taken_over.remove(&one.backend);
            }
        }
        !taken_over.is_empty()
    }

    async fn note_looks(&self, away: Vec<BackendId>, answered: Vec<BackendId>) -> Result<(), MetadataError> {
        // Those that are away are looked at in every round.
        let period = self.0.settings.directory.min(self.0.settings.remote);
        let watched = (4 * period).max(WATCHED_MIN).as_secs();
        let watched = i64::try_from(watched).unwrap_or(i64::MAX);
        for backend in self.0.metadata.note_looks(away, answered, watched).await? {
            tracing::info!(%backend, "a backend that counted as lost is back: what is still good on it is used again");
        }
        Ok(())
    }

    /// Writes one backend's heartbeat, if one was committed.
    async fn conclude(&self, sighted: &SightedBackend, begun: Instant) {
        let Some(backend) = self.0.backends.iter().find(|backend| backend.id == sighted.backend) else { return };
        if sighted.verdict.is_none() {
            return;
        }
        backend.trust().sight();
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(backend.id.clone(), Instant::now());
        let Some(heartbeat) = sighted.write.filter(|_| begun.elapsed() < WRITE_WITHIN) else { return };
        if let Err(error) = self.write(backend, &heartbeat).await {
            tracing::debug!(backend = %backend.id, %error, "a heartbeat was not written and will be repeated");
        }
    }
}

/// Whether a backend was made another generation by a database that this one is not.
fn is_of_later_generation(one: &BackendSighting) -> bool {
    match (&one.kept, &one.seen.heartbeat) {
        (Some(kept), SeenHeartbeat::Authentic(shown)) => shown.generation > kept.last.generation,
        _ => false,
    }
}
