//! A serving gateway: starts every task in order and shuts them down in order.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin, AdminSocket};
use crate::app::incarnation_lease::{IncarnationLease, LeaseTiming, gateway_name};
use crate::app::keys::Keys;
use crate::app::listener::{Certificates, ConnectionMonitor, Listener, Timeouts};
use crate::app::ops::{self, BackendMonitor, MetricsPage, Readiness};
use crate::app::s3_service::s3_service;
use crate::app::startup::components::Components;
use crate::app::startup::data_folder::DataFolder;
use crate::app::startup::root_user::{self, RootKey};
use crate::app::startup::sockets::Sockets;
use crate::clock::Ambient;
use crate::config::{Config, LimitsConfig};
use crate::metadata::MetadataStore;
use crate::objects::{Heartbeats, Objects};
use crate::placement::write_floor;
use crate::s3::{S3Service, WebsiteService};
use crate::workers::{Workers, begin_first_epoch};

/// Connections to the ops listener: bounded, so that they cannot take descriptors from S3.
const OPS_CONNECTIONS: usize = 64;
/// How long the workers may take to finish their last step.
const WORKERS: Duration = Duration::from_secs(10);
/// How long the last heartbeats may take.
const LAST_HEARTBEAT: Duration = Duration::from_secs(10);
/// How long aborted connections may take to end.
const CUT: Duration = Duration::from_secs(2);

/// What the start-up banner shows.
#[derive(Debug)]
pub(super) struct StartupInfo {
    /// Where S3 is, and whether over TLS.
    pub(super) s3: Vec<(SocketAddr, bool)>,
    /// Where websites are, if they are served, and whether over TLS.
    pub(super) website: Option<(SocketAddr, bool)>,
    /// Where health and metrics are.
    pub(super) ops: SocketAddr,
    /// The root key.
    pub(super) root: RootKey,
    /// The data folder.
    pub(super) folder: DataFolder,
    /// How many backends there are.
    pub(super) backends: usize,
}

/// What can change while it runs.
#[derive(Debug)]
pub(super) struct Reloadable {
    /// The certificates, when S3 speaks TLS.
    pub(super) certificates: Option<Arc<Certificates>>,
    /// The bounds of the S3 listeners.
    pub(super) monitor: Arc<ConnectionMonitor>,
    /// Those of the second listener, which answers until the end.
    ops_monitor: Arc<ConnectionMonitor>,
}

impl Reloadable {
    /// Bounds connections by other limits from now on.
    pub(super) fn set_limits(&self, limits: &LimitsConfig) {
        self.monitor.set_timeouts(Timeouts::from(limits));
        self.ops_monitor.set_timeouts(ops_timeouts(limits));
    }
}

/// The second listener has a limit of its own on connections, so that a full S3 listener does not hide health and metrics.
fn ops_timeouts(limits: &LimitsConfig) -> Timeouts {
    Timeouts { connections: OPS_CONNECTIONS, ..Timeouts::from(limits) }
}

/// A gateway that serves.
pub(super) struct Server {
    info: StartupInfo,
    reloadable: Reloadable,
    fenced: CancellationToken,
    heartbeats: Heartbeats,
    metadata: MetadataStore,
    /// Connections.
    tasks: TaskTracker,
    /// Accept loops: stopped first.
    accept_loops: Vec<AbortHandle>,
    /// Everything else that runs for ever: stopped last.
    background: Mutex<JoinSet<()>>,
    last: Mutex<Option<(Workers, IncarnationLease)>>,
}

impl Server {
    /// Starts a gateway and its listeners.
    ///
    /// 1. Open the components: database, cluster key, backends.
    /// 2. Ensure the root key.
    /// 3. Compare the backends with the database, begin an incarnation, make the first heartbeats.
    /// 4. Build the use cases and start the workers.
    /// 5. Open the listeners: the admin socket, ops, S3.
    pub(super) async fn open(
        config: &Config,
        folder: DataFolder,
        sockets: Sockets,
        ambient: &Ambient,
        page: &PrometheusHandle,
    ) -> anyhow::Result<Self> {
        let components = Components::open_or_create(config, folder.clone(), ambient).await?;
        let metadata = components.metadata.clone();
        let opened = Self::start(config, components, sockets, ambient, page).await;
        if opened.is_err() {
            metadata.close().await;
        }
        opened
    }

    async fn start(
        config: &Config,
        components: Components,
        sockets: Sockets,
        ambient: &Ambient,
        page: &PrometheusHandle,
    ) -> anyhow::Result<Self> {
        let (metadata, folder) = (components.metadata.clone(), components.folder.clone());
        let cluster_key = components.cluster.key();
        let root = root_user::ensure_root_key(config.root.as_ref(), &folder, &metadata, &cluster_key, ambient).await?;
        let keys = Keys::new(metadata.clone(), components.cluster.key(), ambient.clone());
        let heartbeats = components.heartbeats.clone();
        let lease = config.debug.lease_seconds.map_or_else(LeaseTiming::default, LeaseTiming::of);
        let incarnation_lease =
            begin_incarnation(&heartbeats, &metadata, &gateway_name(&folder, ambient)?, lease).await?;
        let (cluster, base, settlement_key) =
            (components.cluster.id, components.base.clone(), components.cluster.key());
        let objects = components.objects(config, incarnation_lease.incarnation, ambient);
        begin_first_epoch(&metadata, &config.money).await.context("cannot begin the first epoch")?;
        begin_journal(&objects).await;
        let workers = Workers::start(&objects, &metadata, settlement_key, config, ambient);

        let info = startup_info(config, &sockets, folder.clone(), root)?;
        let monitor = ConnectionMonitor::new(Timeouts::from(&config.limits));
        let mut background = JoinSet::new();
        background.spawn(heartbeats.clone().go_on(incarnation_lease.incarnation, incarnation_lease.fenced.clone()));
        let backends = BackendMonitor::begin(&objects).await;
        background.spawn(backends.clone().go_on(objects.clone()));
        background.spawn(Arc::clone(&monitor).sweep_for_ever());

        let admin = Admin {
            metadata: metadata.clone(),
            cluster,
            key: cluster_key,
            backends: config.backends.clone(),
            has_default_backends: config.has_default_backends(),
            audit: config.audit.clone(),
            money: config.money.clone(),
            objects: objects.clone(),
            heartbeats: heartbeats.clone(),
            base,
            ambient: ambient.clone(),
        };
        open_admin(&folder, admin, &mut background)?;

        let readiness = Readiness {
            metadata: metadata.clone(),
            objects: objects.clone(),
            backends,
            jump: config.money.jump_terms(),
            read_floor: config.scheme.k(),
            write_floor: write_floor(config.scheme),
            fenced: incarnation_lease.fenced.clone(),
            monitor: Arc::clone(&monitor),
        };
        let ops = ops::router(readiness, MetricsPage::new(page.clone(), Arc::clone(&monitor)));
        let ops_monitor = open_ops(sockets.ops, ops, ops_timeouts(&config.limits), &mut background);

        let s3 = s3_service(config, objects, metadata.clone(), Arc::new(keys), ambient);
        let tasks = TaskTracker::new();
        let accept_loops = sockets.s3.into_iter().map(|(socket, certificates)| {
            let listener = Listener { socket, certificates, monitor: Arc::clone(&monitor), handler: s3.clone() };
            background.spawn(listener.run(tasks.clone()))
        });
        let mut accept_loops: Vec<_> = accept_loops.collect();
        let websites = open_websites(sockets.website, config, &s3, &monitor);
        accept_loops.extend(websites.map(|websites| background.spawn(websites.run(tasks.clone()))));
        Ok(Self {
            info,
            reloadable: Reloadable { certificates: sockets.certificates, monitor, ops_monitor },
            fenced: incarnation_lease.fenced.clone(),
            heartbeats,
            metadata,
            tasks,
            accept_loops,
            background: Mutex::new(background),
            last: Mutex::new(Some((workers, incarnation_lease))),
        })
    }

    /// What the start-up banner shows.
    pub(super) fn startup_info(&self) -> &StartupInfo {
        &self.info
    }

    /// What can change while it runs.
    pub(super) fn reloadable(&self) -> &Reloadable {
        &self.reloadable
    }

    /// Returns when the database has marked this incarnation dead (its lease expired).
    pub(super) async fn fenced(&self) {
        self.fenced.cancelled().await;
    }

    /// Returns when another copy of the database was found to make heartbeats of this cluster.
    pub(super) async fn cloned(&self) {
        self.heartbeats.cloned().cancelled().await;
    }

    /// Shuts down: no new connections; requests under way may finish until `timeouts` is over or `stop_now`
    /// returns; then the workers, the incarnation, the database.
    pub(super) async fn shut_down(&self, grace: Duration, stop_now: impl Future<Output = ()>) {
        tracing::info!(requests = self.reloadable.monitor.active(), "stopping");
        self.reloadable.monitor.close();
        self.accept_loops.iter().for_each(AbortHandle::abort);
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = tokio::time::sleep(grace) => tracing::warn!(requests = self.reloadable.monitor.active(), "requests did not finish within the shutdown time"),
            () = stop_now => tracing::warn!(requests = self.reloadable.monitor.active(), "second stop signal: aborting open requests"),
        }
        self.reloadable.monitor.cut();
        if tokio::time::timeout(CUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end");
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((workers, incarnation_lease)) = last {
            workers.stop(WORKERS).await;
            let last = tokio::time::timeout(LAST_HEARTBEAT, self.heartbeats.beat(incarnation_lease.incarnation)).await;
            if !matches!(last, Ok(Ok(_))) {
                tracing::warn!("the last heartbeats were not made");
            }
            incarnation_lease.end().await;
        }
        self.metadata.close().await;
        self.reloadable.ops_monitor.close();
        self.reloadable.ops_monitor.cut();
        let mut background = std::mem::take(&mut *self.background.lock().unwrap_or_else(PoisonError::into_inner));
        background.shutdown().await;
        tracing::info!("stopped");
    }
}

/// Compares the backends with the database, begins an incarnation above all that any of them has recorded, and records it
/// on them.
fn startup_info(config: &Config, sockets: &Sockets, folder: DataFolder, root: RootKey) -> std::io::Result<StartupInfo> {
    Ok(StartupInfo {
        s3: sockets.s3_addresses()?,
        website: sockets.website_address()?,
        ops: sockets.ops.local_addr()?,
        root,
        folder,
        backends: config.backends.len(),
    })
}

async fn begin_incarnation(
    heartbeats: &Heartbeats,
    metadata: &MetadataStore,
    gateway: &str,
    lease: LeaseTiming,
) -> anyhow::Result<IncarnationLease> {
    let round = heartbeats.look().await.context("cannot compare the backends with the database")?;
    if heartbeats.cloned().is_cancelled() {
        anyhow::bail!(
            "another copy of this database makes heartbeats of this cluster: `haulout backend list` says where. Stop the \
             other, then say with `haulout database confirm` that this one counts, or with `haulout backend accept` that \
             the backend is to be used as it is"
        );
    }
    let incarnation_lease = IncarnationLease::begin(metadata, gateway, lease, round.incarnation).await?;
    heartbeats.beat(incarnation_lease.incarnation).await.context("cannot make the first heartbeats")?;
    Ok(incarnation_lease)
}

/// Writes the first snapshot of a new database.
async fn begin_journal(objects: &Objects) {
    if let Err(error) = objects.begin_journal().await {
        tracing::warn!(%error, "the first snapshot of the metadata could not be written; it will be retried");
    }
}

/// Offers the admin socket.
fn open_admin(folder: &DataFolder, admin: Admin, background: &mut JoinSet<()>) -> anyhow::Result<()> {
    let socket = AdminSocket::bind(&folder.socket()).context("cannot open the admin socket")?;
    background.spawn(async move {
        if let Err(error) = admin::serve(socket, Arc::new(admin)).await {
            tracing::error!(%error, "the admin socket failed");
        }
    });
    Ok(())
}

/// The listener of websites, if they are served. It shares the bounds of S3.
fn open_websites(
    socket: Option<(TcpListener, Option<Arc<Certificates>>)>,
    config: &Config,
    s3: &S3Service,
    monitor: &Arc<ConnectionMonitor>,
) -> Option<Listener<WebsiteService>> {
    let (socket, certificates) = socket?;
    let handler = s3.websites(&config.website.as_ref()?.base_domains);
    Some(Listener { socket, certificates, monitor: Arc::clone(monitor), handler })
}

/// Opens the ops listener.
fn open_ops(
    socket: TcpListener,
    ops: Router,
    timeouts: Timeouts,
    background: &mut JoinSet<()>,
) -> Arc<ConnectionMonitor> {
    let monitor = ConnectionMonitor::new(timeouts);
    background.spawn(Arc::clone(&monitor).sweep_for_ever());
    let listener = Listener { socket, certificates: None, monitor: Arc::clone(&monitor), handler: ops };
    background.spawn(listener.run(TaskTracker::new()));
    monitor
}
