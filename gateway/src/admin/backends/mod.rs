//! Backends, as the operator sees them.

pub mod absences;
pub mod adding;
pub mod draining;
pub mod rebalancing;
pub mod replacing;

use std::time::Duration;

use backends::{GatewayIdentity, StoreError};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use crate::admin::backends::draining::DrainProgress;
use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::clock::random;
use crate::config::BackendConfig;
use crate::domain::{BackendFlag, BackendId, SeenBackend, SeenHeartbeat};
use crate::metadata::BackendRow;
use crate::objects::Backend;

/// How long a probe of a backend may take.
const PROBE: Duration = Duration::from_secs(10);

/// List the backends and probe each.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ListBackends {}

/// A backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedBackend {
    /// The name.
    pub name: String,
    /// Where it is, without secrets.
    pub url: String,
    /// Its provider: the failure domain.
    pub provider: String,
    /// Its zone.
    pub zone: String,
    /// What is wrong with it; nothing when absent.
    pub problem: Option<String>,
    /// How far its drain is; absent when it is not being drained.
    #[serde(default)]
    pub drain: Option<DrainProgress>,
    /// It does not answer, and since when; absent when it does.
    #[serde(default)]
    pub away: Option<AwayBackend>,
    /// It was taken out of the cluster and holds nothing of it any more.
    #[serde(default)]
    pub gone: bool,
    /// Free bytes, where the backend reports them.
    pub free_bytes: Option<u64>,
}

/// How long a backend has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwayBackend {
    /// For so many seconds.
    pub seconds: u64,
    /// What it holds counts as lost, and is rebuilt on the others until it is back.
    pub lost: bool,
}

impl Operation for ListBackends {
    const NAME: &'static str = "backend-list";
    type Reply = Vec<ListedBackend>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Vec<ListedBackend>> {
        let backends = admin.objects.committee().backends();
        admin.heartbeats.refresh().await?;
        let mut listed = join_all(backends.iter().map(|backend| look(backend))).await;
        add_progress(admin, &mut listed).await?;
        add_absences(admin, &mut listed).await?;
        let removed = admin.metadata.removed_backends().await?;
        for backend in listed.iter_mut().filter(|backend| backend.problem.as_deref() == Some(REMOVED)) {
            let id: BackendId = backend.name.parse().map_err(|error| AdminError::refused(format!("{error}")))?;
            backend.gone = admin.metadata.slivers_on(&id).await? == 0;
            backend.problem.take_if(|_| backend.gone);
        }
        for row in admin.metadata.backends().await? {
            if backends.iter().any(|backend| backend.id == row.id) {
                continue;
            }
            let problem = match removed.contains(&row.id) {
                false => "belongs to the cluster and is not in this gateway's configuration: it cannot be read here",
                true if admin.metadata.holds_slivers(&row.id).await? => REMOVED,
                true => continue,
            };
            listed.push(ListedBackend {
                name: row.id.to_string(),
                url: row.url,
                provider: row.provider,
                zone: row.zone,
                problem: Some(problem.to_owned()),
                drain: None,
                away: None,
                gone: false,
                free_bytes: None,
            });
        }
        Ok(listed)
    }
}

/// What is said of a backend that an operator took out of the cluster, as long as something is there.
const REMOVED: &str = "removed from the cluster: what it holds is being made again on the others";

async fn look(backend: &Backend) -> ListedBackend {
    let probed = tokio::time::timeout(PROBE, backend.store.probe()).await.unwrap_or(Err(StoreError::TimedOut));
    ListedBackend {
        name: backend.id.to_string(),
        url: backend.url.clone(),
        provider: backend.provider.clone(),
        zone: backend.zone.clone(),
        free_bytes: probed.as_ref().ok().and_then(|space| space.free_bytes),
        problem: problem(backend, probed.err()),
        drain: None,
        away: None,
        gone: false,
    }
}

async fn add_absences(admin: &Admin, listed: &mut [ListedBackend]) -> Result<()> {
    let absences = admin.metadata.absences().await?;
    if absences.is_empty() {
        return Ok(());
    }
    let now = admin.metadata.database_time().await?;
    // Whoever answers the probe is about to be noted as back.
    for backend in listed.iter_mut().filter(|backend| backend.problem.is_some()) {
        let absence = absences.iter().find(|(id, _)| id.as_str() == backend.name);
        backend.away = absence.map(|(_, absence)| AwayBackend {
            seconds: u64::try_from(now.seconds() - absence.since.seconds()).unwrap_or(0),
            lost: absence.lost,
        });
    }
    Ok(())
}

async fn add_progress(admin: &Admin, listed: &mut [ListedBackend]) -> Result<()> {
    let draining = admin.metadata.draining_backends().await?;
    if draining.is_empty() {
        return Ok(());
    }
    let now = admin.metadata.database_time().await?;
    for (id, start) in draining {
        let Some(backend) = listed.iter_mut().find(|backend| backend.name == id.as_str()) else { continue };
        let left = admin.metadata.slivers_on(&id).await?;
        let elapsed = u64::try_from(now.seconds() - start.began.seconds()).unwrap_or(0);
        backend.drain = Some(DrainProgress::new(start, left, elapsed));
    }
    Ok(())
}

/// What an operator must know of it: a flag first, because it says what to do.
fn problem(backend: &Backend, error: Option<StoreError>) -> Option<String> {
    let flagged = backend.trust().flag().map(|(flag, reason)| {
        let confirm = match flag {
            BackendFlag::DatabaseBehind => "`haulout database confirm`",
            BackendFlag::Clone => "`haulout database confirm` or `haulout backend accept`",
            _ => "`haulout backend accept`",
        };
        let waits = match (flag.holds_collection(), flag.is_about_backend()) {
            (true, true) => "collection and writes to it wait",
            (true, false) => "collection waits",
            (false, _) => "writes to it wait",
        };
        format!("{flag} ({reason}); {waits} for {confirm}")
    });
    let removed = || backend.trust().is_removed().then(|| REMOVED.to_owned());
    flagged.or_else(|| error.map(|error| error.to_string())).or_else(removed)
}

/// Accept what stands in a backend's place as this backend: an empty replacement (a new disk), which is formatted, or a
/// backend that is flagged, which is used as it is. What the database misses there is rebuilt from the others, and
/// whatever stood there before is refused from now on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcceptBackend {
    /// The name.
    pub name: String,
}

impl Operation for AcceptBackend {
    const NAME: &'static str = "backend-accept";
    type Reply = ListedBackend;

    async fn run(self, admin: &Admin) -> Result<ListedBackend> {
        let missing = || AdminError::refused(format!("there is no backend named {:?} in the configuration", self.name));
        let config = admin.backends.iter().find(|backend| backend.name == self.name).ok_or_else(missing)?;
        let mut backends = admin.objects.committee().backends().iter();
        let backend = backends.find(|backend| backend.id.as_str() == self.name).ok_or_else(missing)?;
        admin.heartbeats.refresh().await?;
        if backend.trust().flag().is_some_and(|(flag, _)| flag == BackendFlag::DatabaseBehind) {
            return Err(AdminError::refused(
                "it is the database that is older, not this backend: `haulout database confirm`".to_owned(),
            ));
        }
        begin_generation(admin, config, backend).await?;
        let (url, provider, zone) = (backend.url.clone(), backend.provider.clone(), backend.zone.clone());
        let row = BackendRow { id: backend.id.clone(), url, provider, zone, formatted: true };
        admin.metadata.record_backend(row).await?;
        admin.metadata.set_backend_removed(&backend.id, false).await?;
        let enqueued = admin.metadata.enqueue_repairs_of_backend(&backend.id).await?;
        admin.metadata.unflag_backend(&backend.id).await?;
        admin.heartbeats.refresh().await?;
        tracing::info!(backend = self.name, blobs = enqueued, "accepted; what it lacks is made again");
        Ok(look(backend).await)
    }
}

/// Makes what stands there the next generation of the backend: marker first, then the row, then the heartbeat. After a crash
/// in between the backend is flagged, and accepted again.
async fn begin_generation(admin: &Admin, config: &BackendConfig, backend: &Backend) -> Result<()> {
    let failed = |error| match error {
        StoreError::WrongBackend { .. } | StoreError::Misconfigured { .. } => AdminError::refused(error.to_string()),
        error => AdminError::Unavailable(error.to_string()),
    };
    let (claimed, shown) = match admin.heartbeats.sight(backend).await {
        Ok(SeenBackend { generation, heartbeat: SeenHeartbeat::Authentic(shown) }) => (generation, Some(shown)),
        Ok(seen) => (seen.generation, None),
        // Nothing that can be read is there, which is what an empty disk looks like; else it is refused below.
        Err(StoreError::WrongBackend { .. }) => (0, None),
        Err(error) => return Err(failed(error)),
    };
    let known = admin.metadata.heartbeats().await?.get(&backend.id).map_or(0, |kept| kept.last.generation);
    let claimed = claimed.max(known).max(shown.map_or(0, |shown| shown.generation));
    let generation = claimed.saturating_add(1);
    let identity = GatewayIdentity::new(admin.cluster, &admin.key);
    backends::accept(&config.spec(), identity, &admin.base, generation).await.map_err(failed)?;
    let nonce = random(&*admin.ambient.entropy);
    let heartbeat = admin.metadata.begin_generation(&backend.id, claimed, shown, nonce).await?;
    backend.store.require_generation(heartbeat.generation);
    if let Err(error) = admin.heartbeats.write(backend, &heartbeat).await {
        tracing::warn!(backend = %backend.id, %error, "its first heartbeat was not written and will be repeated");
    }
    Ok(())
}

/// Take a backend out of the cluster for good.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RemoveBackend {
    /// The name.
    pub name: String,
    /// Although it holds slivers: they count as lost from now on and are rebuilt on the others.
    pub lost: bool,
}

impl Operation for RemoveBackend {
    const NAME: &'static str = "backend-remove";
    type Reply = Vec<ListedBackend>;

    async fn run(self, admin: &Admin) -> Result<Vec<ListedBackend>> {
        let missing = || AdminError::refused(format!("no backend named {:?} belongs to the cluster", self.name));
        let id: BackendId = self.name.parse().map_err(|_| missing())?;
        let slivers = admin.metadata.slivers_on(&id).await?;
        if slivers > 0 && !self.lost {
            return Err(AdminError::refused(format!(
                "{id} holds {slivers} slivers, without which their blobs survive one loss less: `haulout backend drain {id}` moves them \
                 first; if they are lost anyway, say --lost"
            )));
        }
        if !self.lost {
            // What moved off it is known even when the database is lost: from here on it may be destroyed.
            admin.objects.await_journal().await?;
        }
        if !admin.metadata.set_backend_removed(&id, true).await? {
            return Err(missing());
        }
        admin.metadata.enqueue_repairs_of_backend(&id).await?;
        // What it said of itself is over with it.
        admin.metadata.unflag_backend(&id).await?;
        tracing::info!(backend = self.name, slivers, "removed; what it held is rebuilt on the others");
        ListBackends {}.run(admin).await
    }
}
