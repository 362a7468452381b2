//! The running node: its listener, its connections, and what it does by itself.

use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codec::ClusterId;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use super::connection::{Patience, Watched};
use super::dispatch::serve_to_the_end;
use super::files::admission_file::AdmissionFile;
use super::node::Node;
use super::settings::{HEAD_BYTES_MAX, HEADERS_MAX, NodeSettings};
use super::tenant::Tenant;
use crate::node::identity::{certificate, read_key};
use crate::node::protocol::PublicKey;

const LOCK_FILE: &str = "node.lock";
/// How often the node looks at the file of those it admits.
const REFRESH_PERIOD: Duration = Duration::from_secs(1);
/// Time for requests under way when the node stops.
const DRAIN: Duration = Duration::from_secs(10);
/// Pause after a failure to accept: there are no file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections that are open.
const CONNECTIONS: &str = "haulout_node_connections";

/// A node that listens.
pub struct NodeServer {
    node: Arc<Node>,
    listener: TcpListener,
    tls: TlsAcceptor,
    _lock: File,
}

/// What a cluster uses, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterUsage {
    /// The cluster.
    pub cluster: ClusterId,
    /// Bytes of its visible slivers.
    pub live_bytes: u64,
    /// Bytes of its trash.
    pub trash_bytes: u64,
}

impl NodeServer {
    /// Opens a node's data folder, which `haulout node init` has made.
    ///
    /// # Errors
    /// There is no key, another process uses the folder, or what is in it cannot be read.
    pub fn open(data: &Path, listener: TcpListener, settings: NodeSettings) -> io::Result<Self> {
        let key = read_key(data).map_err(io::Error::other)?;
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(data.join(LOCK_FILE))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| io::Error::other("another node runs on this data folder"))?;
        let made = certificate(&key).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![made.certificate], made.key))
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = TlsAcceptor::from(Arc::new(config));
        let node = Arc::new(Node::new(data.to_owned(), key, settings)?);
        Ok(Self { node, listener, tls, _lock: lock })
    }

    /// The node's key.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.node.key.public()
    }

    /// Serves until `stop` is done, then ends what is under way, within 10 seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let refresh = tokio::spawn(refresh(Arc::clone(&self.node)));
        let connections = Arc::new(Semaphore::new(self.node.settings.connections_max));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &connections) => accepted,
                () = &mut stop => break,
            };
            let (stream, permit) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (node, tls) = (Arc::clone(&self.node), self.tls.clone());
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                let _open = OpenConnection::new();
                if let Err(error) = converse(node, stream, tls, watcher).await {
                    tracing::debug!(error = %*error, "connection ended");
                }
                drop(permit);
            });
        }
        refresh.abort();
        drop(tokio::time::timeout(DRAIN, graceful.shutdown()).await);
    }
}

/// Counts as an open connection until it is dropped.
struct OpenConnection;

impl OpenConnection {
    fn new() -> Self {
        metrics::gauge!(CONNECTIONS).increment(1.0);
        Self
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        metrics::gauge!(CONNECTIONS).decrement(1.0);
    }
}

/// The next connection, once there may be another one.
async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

/// Handshake, then one request after the other.
async fn converse(
    node: Arc<Node>,
    stream: TcpStream,
    tls: TlsAcceptor,
    graceful: hyper_util::server::graceful::Watcher,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let patience = Patience::new(node.settings.first_byte, node.settings.idle);
    let stream = tokio::time::timeout(patience.unproven, tls.accept(stream)).await??;
    let prover = patience.clone();
    let service = service_fn(move |request| {
        let (node, prover) = (Arc::clone(&node), prover.clone());
        async move { Ok::<_, std::convert::Infallible>(serve_to_the_end(node, prover, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience.unproven)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let connection = builder.serve_connection(TokioIo::new(Watched::new(stream, patience)), service);
    graceful.watch(connection).await?;
    Ok(())
}

/// Follows the file of those that are admitted, and shows what they use.
async fn refresh(node: Arc<Node>) {
    loop {
        let looked = Arc::clone(&node);
        drop(tokio::task::spawn_blocking(move || looked.refresh()).await);
        for tenant in node.admissions.tenants() {
            show(&tenant);
        }
        tokio::time::sleep(REFRESH_PERIOD).await;
    }
}

fn show(tenant: &Tenant) {
    let Some(used) = tenant.usage.get() else { return };
    let cluster = hex::encode(tenant.cluster().0);
    let gauge = |name: &'static str, bytes: u64| {
        #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
        metrics::gauge!(name, "cluster" => cluster.clone()).set(bytes as f64);
    };
    gauge("haulout_node_live_bytes", used.live);
    gauge("haulout_node_trash_bytes", used.trash);
    gauge("haulout_node_quota_bytes", used.quota);
}

/// Counts what each cluster of a data folder uses, whether or not a node runs on it.
///
/// # Errors
/// The folder cannot be read.
pub fn cluster_usage(data: &Path) -> io::Result<Vec<(super::AdmittedCluster, ClusterUsage)>> {
    let file = AdmissionFile::read(data)?;
    let count = |cluster: super::AdmittedCluster| {
        let folder: PathBuf = super::tenant::cluster_folder(data, &cluster.cluster);
        let (live_bytes, trash_bytes) = super::tenant::count(&folder)?;
        let usage = ClusterUsage { cluster: cluster.cluster, live_bytes, trash_bytes };
        Ok((cluster, usage))
    };
    file.clusters.into_iter().map(count).collect()
}
