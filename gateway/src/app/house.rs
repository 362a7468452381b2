//! Everything that runs while a gateway serves, put together in one place and taken down in the right order.

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

use super::data_folder::DataFolder;
use super::foundation::Foundation;
use super::keys::Keys;
use super::listener::{Certificates, Listener, Patience, Watch};
use super::ops::{self, BackendWatch, MetricsPage, Readiness};
use super::root_user::{self, RootKey};
use super::s3_service::s3_service;
use super::sockets::Sockets;
use super::tenure::{Lease, Tenure, gateway_name};
use crate::admin::{self, Admin, AdminSocket};
use crate::clock::Ambient;
use crate::config::Config;
use crate::lifecycle::Calendar;
use crate::metadata::MetadataStore;
use crate::objects::Heartbeats;
use crate::placement::write_floor;
use crate::s3::{S3Service, WebsiteService};
use crate::workers::{WorkerSettings, Workers};

/// Connections to the second listener: nobody needs more, and they must not take descriptors from S3.
const OPS_CONNECTIONS: usize = 64;
/// How long the workers may take over their last step.
const WORKERS: Duration = Duration::from_secs(10);
/// How long the last heartbeats may take.
const LAST_HEARTBEAT: Duration = Duration::from_secs(10);
/// How long cut connections get to notice.
const CUT: Duration = Duration::from_secs(2);

/// What the banner says.
#[derive(Debug)]
pub(super) struct DoorPlate {
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
    pub(super) watch: Arc<Watch>,
}

/// A gateway that serves.
pub(super) struct House {
    plate: DoorPlate,
    reloadable: Reloadable,
    fenced: CancellationToken,
    heartbeats: Heartbeats,
    metadata: MetadataStore,
    /// Connections.
    tasks: TaskTracker,
    /// Accept loops: stopped first.
    doors: Vec<AbortHandle>,
    /// Connections of the second listener, which answers until the end.
    ops_watch: Arc<Watch>,
    /// Everything else that runs for ever: stopped last.
    background: Mutex<JoinSet<()>>,
    last: Mutex<Option<(Workers, Tenure)>>,
}

impl House {
    /// Puts a gateway together and opens its doors.
    ///
    /// 1. Lay the foundation: database, cluster key, backends.
    /// 2. Settle the root key.
    /// 3. Compare the backends with the database, begin an incarnation, make the first heartbeats.
    /// 4. Build the use cases and start the workers.
    /// 5. Open the doors: the admin socket, the second listener, S3.
    pub(super) async fn open(
        config: &Config,
        folder: DataFolder,
        sockets: Sockets,
        ambient: &Ambient,
        page: &PrometheusHandle,
    ) -> anyhow::Result<Self> {
        let foundation = Foundation::lay(config, folder.clone(), ambient).await?;
        let metadata = foundation.metadata.clone();
        let opened = Self::furnish(config, foundation, sockets, ambient, page).await;
        if opened.is_err() {
            metadata.close().await;
        }
        opened
    }

    async fn furnish(
        config: &Config,
        foundation: Foundation,
        sockets: Sockets,
        ambient: &Ambient,
        page: &PrometheusHandle,
    ) -> anyhow::Result<Self> {
        let (metadata, folder) = (foundation.metadata.clone(), foundation.folder.clone());
        let cluster_key = foundation.cluster.key();
        let root = root_user::settle(config.root.as_ref(), &folder, &metadata, &cluster_key, ambient).await?;
        let keys = Keys::new(metadata.clone(), foundation.cluster.key(), ambient.clone());
        let heartbeats = foundation.heartbeats.clone();
        let tenure = begin_tenure(&heartbeats, &metadata, &gateway_name(&folder, ambient)?).await?;
        let (cluster, base) = (foundation.cluster.id, foundation.base.clone());
        let objects = foundation.objects(config, tenure.incarnation, ambient);
        let settings = worker_settings(config, ambient);
        let workers = Workers::start(&objects, &metadata, &settings);

        let plate = DoorPlate {
            s3: sockets.s3_addresses()?,
            website: sockets.website_address()?,
            ops: sockets.ops.local_addr()?,
            root,
            folder: folder.clone(),
            backends: config.backends.len(),
        };
        let watch = Watch::new(Patience::from(&config.limits));
        let mut background = JoinSet::new();
        background.spawn(heartbeats.clone().go_on(tenure.incarnation, tenure.fenced.clone()));
        let backends = BackendWatch::begin(&objects).await;
        background.spawn(backends.clone().go_on(objects.clone()));
        background.spawn(Arc::clone(&watch).sweep_for_ever());

        let admin = Admin {
            metadata: metadata.clone(),
            cluster,
            key: cluster_key,
            backends: config.backends.clone(),
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
            read_floor: config.scheme.k(),
            write_floor: write_floor(config.scheme),
            fenced: tenure.fenced.clone(),
            watch: Arc::clone(&watch),
        };
        let ops = ops::router(readiness, MetricsPage::new(page.clone(), Arc::clone(&watch)));
        let ops_watch = open_ops(sockets.ops, ops, Patience::from(&config.limits), &mut background);

        let s3 = s3_service(config, objects, metadata.clone(), Arc::new(keys), ambient);
        let tasks = TaskTracker::new();
        let doors = sockets.s3.into_iter().map(|(socket, certificates)| {
            let listener = Listener { socket, certificates, watch: Arc::clone(&watch), handler: s3.clone() };
            background.spawn(listener.run(tasks.clone()))
        });
        let mut doors: Vec<_> = doors.collect();
        let websites = open_websites(sockets.website, config, &s3, &watch);
        doors.extend(websites.map(|websites| background.spawn(websites.run(tasks.clone()))));
        Ok(Self {
            plate,
            reloadable: Reloadable { certificates: sockets.certificates, watch },
            fenced: tenure.fenced.clone(),
            heartbeats,
            metadata,
            tasks,
            doors,
            ops_watch,
            background: Mutex::new(background),
            last: Mutex::new(Some((workers, tenure))),
        })
    }

    /// What the banner says.
    pub(super) fn door_plate(&self) -> &DoorPlate {
        &self.plate
    }

    /// What can change while it runs.
    pub(super) fn reloadable(&self) -> &Reloadable {
        &self.reloadable
    }

    /// Returns when the database has buried this incarnation.
    pub(super) async fn fenced(&self) {
        self.fenced.cancelled().await;
    }

    /// Returns when another copy of the database was found to make heartbeats of this cluster.
    pub(super) async fn cloned(&self) {
        self.heartbeats.cloned().cancelled().await;
    }

    /// Takes everything down: no new connections; requests under way may finish until `patience` is over or `hurry`
    /// returns; then the workers, the incarnation, the database.
    pub(super) async fn leave(&self, patience: Duration, hurry: impl Future<Output = ()>) {
        tracing::info!(requests = self.reloadable.watch.active(), "stopping");
        self.reloadable.watch.close();
        self.doors.iter().for_each(AbortHandle::abort);
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = tokio::time::sleep(patience) => tracing::warn!(requests = self.reloadable.watch.active(), "not finished in time"),
            () = hurry => tracing::warn!(requests = self.reloadable.watch.active(), "told to hurry"),
        }
        self.reloadable.watch.cut();
        if tokio::time::timeout(CUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("some connections do not end");
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((workers, tenure)) = last {
            workers.stop(WORKERS).await;
            let last = tokio::time::timeout(LAST_HEARTBEAT, self.heartbeats.beat(tenure.incarnation)).await;
            if !matches!(last, Ok(Ok(_))) {
                tracing::warn!("the last heartbeats were not made");
            }
            tenure.end().await;
        }
        self.metadata.close().await;
        self.ops_watch.close();
        self.ops_watch.cut();
        let mut background = std::mem::take(&mut *self.background.lock().unwrap_or_else(PoisonError::into_inner));
        background.shutdown().await;
        tracing::info!("stopped");
    }
}

/// Compares the backends with the database, begins an incarnation above all that any of them has heard of, and tells them.
async fn begin_tenure(heartbeats: &Heartbeats, metadata: &MetadataStore, gateway: &str) -> anyhow::Result<Tenure> {
    let round = heartbeats.look().await.context("cannot compare the backends with the database")?;
    if heartbeats.cloned().is_cancelled() {
        anyhow::bail!(
            "another copy of this database makes heartbeats of this cluster: `haulout backend list` says where. Stop the \
             other, then say with `haulout database confirm` that this one counts, or with `haulout backend accept` that \
             the backend is to be used as it is"
        );
    }
    let tenure = Tenure::begin(metadata, gateway, Lease::default(), round.incarnation).await?;
    heartbeats.beat(tenure.incarnation).await.context("cannot make the first heartbeats")?;
    Ok(tenure)
}

/// What the configuration says of background work.
fn worker_settings(config: &Config, ambient: &Ambient) -> WorkerSettings {
    WorkerSettings {
        trash_seconds: config.objects.trash_seconds,
        upload_days_max: config.objects.upload_days_max,
        notification_targets: config.notification_targets.clone(),
        region: config.s3.region.clone(),
        access_log_seconds: config.debug.access_log_seconds,
        calendar: config.debug.lifecycle_day_seconds.map_or_else(Calendar::default, Calendar::with_day_seconds),
        ambient: ambient.clone(),
    }
}

/// Offers the admin socket.
fn open_admin(folder: &DataFolder, admin: Admin, background: &mut JoinSet<()>) -> anyhow::Result<()> {
    let socket = AdminSocket::bind(&folder.socket()).context("cannot open the admin socket")?;
    background.spawn(async move {
        if let Err(error) = admin::serve(socket, Arc::new(admin)).await {
            tracing::error!(%error, "the admin socket broke");
        }
    });
    Ok(())
}

/// The listener of websites, if they are served. It shares the bounds of S3.
fn open_websites(
    socket: Option<(TcpListener, Option<Arc<Certificates>>)>,
    config: &Config,
    s3: &S3Service,
    watch: &Arc<Watch>,
) -> Option<Listener<WebsiteService>> {
    let (socket, certificates) = socket?;
    let handler = s3.websites(&config.website.as_ref()?.base_domains);
    Some(Listener { socket, certificates, watch: Arc::clone(watch), handler })
}

/// Opens the second listener. Its connections are watched apart, so that a full S3 listener does not hide its state.
fn open_ops(socket: TcpListener, ops: Router, patience: Patience, background: &mut JoinSet<()>) -> Arc<Watch> {
    let watch = Watch::new(Patience { connections: OPS_CONNECTIONS, ..patience });
    background.spawn(Arc::clone(&watch).sweep_for_ever());
    let listener = Listener { socket, certificates: None, watch: Arc::clone(&watch), handler: ops };
    background.spawn(listener.run(TaskTracker::new()));
    watch
}
