//! One simulated gateway: everything of it that is no listener, on a runtime of its own, which is dropped when it crashes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use backends::{Deadlines, SliverStore, guard};
use codec::{ClusterId, ClusterKey};
use tokio::runtime::Runtime;

use crate::admin::Admin;
use crate::app::incarnation_lease::{IncarnationLease, LeaseTiming};
use crate::audit;
use crate::clock::Ambient;
use crate::config::{AuditConfig, Config, Environment, Overrides, parse};
use crate::domain::Bucket;
use crate::metadata::simulated::{Simulated, enter};
use crate::metadata::{BackendRow, MetadataStore};
use crate::objects::{
    Backend, Committee, Compute, HeartbeatSettings, Heartbeats, NoKeyProvider, Objects, ObjectsParts, ObjectsSettings,
};
use crate::tests::simulation::dice::{Dice, ambient};
use crate::tests::simulation::gated::Gated;
use crate::tests::simulation::gates::{Pass, Place};
use crate::tests::simulation::world::{BUCKETS, World, disk_id};
use crate::workers::{self, Worker, begin_first_epoch};

pub(super) const CLUSTER: ClusterId = ClusterId([7; 16]);

/// The gateways' names.
pub(super) const NAMES: [&str; 2] = ["ada", "bob"];

/// How new blobs may be coded.
const SCHEMES: [&str; 5] = ["rs-2-2", "rs-2-1", "rs-3-2", "copy-3", "rs-4-2"];

/// Workers that reach out of the process, or do nothing where there is nothing to notify.
const LEFT_OUT: [&str; 4] = ["notify", "witnesses", "inventory", "access-logs"];

/// A gateway, from its start to its end.
pub(super) struct Gateway {
    simulated: Simulated,
    started: Arc<OnceLock<Result<Started, String>>>,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

/// What a gateway has once it has started.
pub(super) struct Started {
    pub(super) objects: Objects,
    pub(super) metadata: MetadataStore,
    pub(super) buckets: Vec<Arc<Bucket>>,
    pub(super) workers: Vec<Arc<dyn Worker>>,
    pub(super) lease: IncarnationLease,
    /// What operators work with.
    pub(super) admin: Arc<Admin>,
}

impl Started {
    /// Why it must stop, if it must.
    pub(super) fn why_it_stops(&self) -> Option<&'static str> {
        if self.admin.heartbeats.cloned().is_cancelled() {
            Some("another copy of the database makes heartbeats")
        } else {
            self.lease.fenced.is_cancelled().then_some("its incarnation was marked dead")
        }
    }
}

impl Gateway {
    /// Starts one with these disks and a configuration that the dice choose. What it does first waits at gates like everything else.
    pub(super) fn start(
        world: &World,
        number: usize,
        disks: &[usize],
        dice: &mut Dice,
        caches_as_if_alone: bool,
    ) -> (Self, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let gates = world.gates.clone();
        let simulated = Simulated {
            gateway: NAMES[number],
            clock: Arc::clone(&world.clock),
            caches_as_if_alone,
            gate: Arc::new(move |point| {
                let gates = gates.clone();
                Box::pin(async move { gates.pass(number, Place::Database(point)).await != Pass::Well })
            }),
        };
        let skew = i64::try_from(dice.below(200_000)).unwrap() - 100_000;
        let ambient = ambient(&world.clock, skew, dice.roll());
        let (config, described) = configuration(dice);
        let gated = |disk: &usize| (*disk, Gated::new(&world.gates, number, *disk, &world.disks[*disk], dice.roll()));
        let stores: Vec<_> = disks.iter().map(gated).collect();
        enter(Some(simulated.clone()));
        // Threads of SQLite's are started here, which takes real time: until then it does not stand still.
        let metadata = runtime.block_on(async {
            let metadata = MetadataStore::open(&world.url(), ambient.clone()).await.unwrap();
            tokio::time::pause();
            metadata
        });
        let started = Arc::new(OnceLock::new());
        let slot = Arc::clone(&started);
        runtime.spawn(async move {
            let outcome = begin(NAMES[number], metadata, config, stores, ambient).await;
            assert!(slot.set(outcome.map_err(|error| format!("{error:#}"))).is_ok());
        });
        enter(None);
        (Self { simulated, started, runtime: Some(runtime) }, described)
    }

    /// What it has, if it has started; why it could not, if so.
    pub(super) fn started(&self) -> Option<Result<&Started, &str>> {
        self.started.get().map(|started| started.as_ref().map_err(String::as_str))
    }

    /// What it has.
    pub(super) fn running(&self) -> Option<&Started> {
        self.started().and_then(Result::ok)
    }

    /// Begins something in it, and returns where its outcome will be.
    pub(super) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        let outcome = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&outcome);
        let handle = self.runtime().spawn(async move {
            let done = work.await;
            *slot.lock().unwrap() = Some(done);
        });
        Task { outcome, handle }
    }

    /// Lets everything in it run for a while that waits at no gate.
    pub(super) fn run_for(&self, milliseconds: u64) {
        self.run(async { tokio::time::sleep(Duration::from_millis(milliseconds)).await });
    }

    /// Runs something in it to its end, and everything else meanwhile.
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        enter(Some(self.simulated.clone()));
        let done = self.runtime().block_on(work);
        enter(None);
        done
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().unwrap()
    }
}

/// A crash: nothing of what was under way goes on.
impl Drop for Gateway {
    fn drop(&mut self) {
        enter(Some(self.simulated.clone()));
        let runtime = self.runtime.take().unwrap();
        {
            // What is dropped with it may want to spawn tasks, which will never run.
            let _context = runtime.enter();
            self.started = Arc::default();
        }
        drop(runtime);
        enter(None);
    }
}

/// Something that was begun in a gateway.
pub(super) struct Task<T> {
    outcome: Arc<Mutex<Option<T>>>,
    handle: tokio::task::JoinHandle<()>,
}

impl<T> Task<T> {
    /// Its outcome, once. A panic is one of the simulation.
    pub(super) fn take(&self) -> Option<T> {
        let done = self.outcome.lock().unwrap().take();
        assert!(done.is_some() || !self.handle.is_finished(), "something panicked in a gateway, which is a defect");
        done
    }

    /// Breaks it off: its client has gone away.
    pub(super) fn abort(self) {
        self.handle.abort();
    }
}

/// A configuration, and what is special about it.
fn configuration(dice: &mut Dice) -> (Config, String) {
    let scheme = *dice.pick(&SCHEMES);
    let text = format!("scheme = \"{scheme}\"");
    let mut config = parse(&text, None, &Overrides::default(), &Environment::default()).unwrap();
    config.objects.quilt_object_bytes_max = *dice.pick(&[1_000, 10_000, 1 << 20]);
    config.objects.quilt_bytes_max = *dice.pick(&[10_000, 16 << 20]);
    config.objects.grace_seconds = *dice.pick(&[0, 5, 60]);
    config.objects.trash_seconds = 600;
    let described = format!(
        "{scheme}, quilts of objects up to {} bytes and {} bytes in all, grace {} s",
        config.objects.quilt_object_bytes_max, config.objects.quilt_bytes_max, config.objects.grace_seconds
    );
    (config, described)
}

/// What `app` does between the opened database and the first request.
async fn begin(
    name: &str,
    metadata: MetadataStore,
    config: Config,
    stores: Vec<(usize, Gated)>,
    ambient: Ambient,
) -> anyhow::Result<Started> {
    metadata.set_grace_seconds(config.objects.grace_seconds);
    let mut backends = Vec::new();
    let rows = metadata.backends().await?;
    for (disk, store) in stores {
        let row = backend_row(disk);
        let store = guard(Arc::new(store) as Arc<dyn SliverStore>, row.id.as_str(), Deadlines::default());
        if !rows.contains(&row) {
            metadata.record_backend(row.clone()).await?;
        }
        backends.push(Backend::new(row.id, row.provider, row.zone, row.url, store));
    }
    let committee = Committee::new(backends);
    let key = cluster_key;
    let heartbeats =
        Heartbeats::new(metadata.clone(), &committee, CLUSTER, key(), ambient.clone(), heartbeat_settings());
    let round = heartbeats.look().await?;
    anyhow::ensure!(!heartbeats.cloned().is_cancelled(), "another copy of the database makes heartbeats");
    let lease = IncarnationLease::begin(&metadata, name, LeaseTiming::default(), round.incarnation).await?;
    heartbeats.beat(lease.incarnation).await?;
    let objects = Objects::new(ObjectsParts {
        metadata: metadata.clone(),
        committee,
        scheme: config.scheme,
        classes: config.storage_classes.clone(),
        cluster: CLUSTER,
        key: key(),
        incarnation: lease.incarnation,
        ambient: ambient.clone(),
        compute: Compute::new(0),
        key_provider: Arc::new(NoKeyProvider),
        settings: ObjectsSettings { objects: config.objects.clone(), ..ObjectsSettings::default() },
    });
    begin_first_epoch(&metadata, &config.money).await?;
    // As in production it is written later when it cannot be written now.
    drop(objects.begin_journal().await);
    let mut buckets = Vec::new();
    for name in BUCKETS {
        let bucket = metadata.bucket(&name.parse()?).await?;
        buckets.push(bucket.ok_or_else(|| anyhow::anyhow!("a bucket is gone"))?);
    }
    let mut workers = workers::all(&objects, &metadata, &config, &ambient);
    workers.retain(|worker| !LEFT_OUT.contains(&worker.name()));
    tokio::spawn(heartbeats.clone().go_on(lease.incarnation, lease.fenced.clone()));
    let admin = Arc::new(Admin {
        metadata: metadata.clone(),
        cluster: CLUSTER,
        key: key(),
        backends: Vec::new(),
        has_default_backends: false,
        audit: config.audit.clone(),
        money: config.money.clone(),
        objects: objects.clone(),
        heartbeats,
        base: PathBuf::new(),
        ambient,
    });
    Ok(Started { objects, metadata, buckets, workers, lease, admin })
}

/// The key of the cluster.
pub(super) fn cluster_key() -> ClusterKey {
    ClusterKey::new(1, [9; 32])
}

pub(super) fn heartbeat_settings() -> HeartbeatSettings {
    let thresholds = audit::rules(&AuditConfig::default()).thresholds;
    HeartbeatSettings { directory: Duration::from_secs(30), remote: Duration::from_secs(300), thresholds }
}

/// What the database knows of a disk.
pub(super) fn backend_row(disk: usize) -> BackendRow {
    BackendRow {
        id: disk_id(disk),
        url: String::new(),
        provider: format!("provider-{disk}"),
        zone: String::new(),
        formatted: true,
    }
}
