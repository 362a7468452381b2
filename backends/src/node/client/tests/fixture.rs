//! A node in this process, and what to send it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use codec::{BlobId, BlobKey, BlobKeys, ClusterId, ClusterKey, Root, StripeShape, encode_blob};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::node::NODE_KEY;
use crate::node::identity::create_key;
use crate::node::protocol::PublicKey;
use crate::node::server::{AdmissionFile, ClusterUsage, NodeServer, NodeSettings, cluster_usage};
use crate::{BackendSpec, Expect, GatewayIdentity, SliverName, SliverStore, StoreError, open_bare};

/// A node.
pub(super) struct TestNode {
    pub(super) folder: TempDir,
    settings: NodeSettings,
    address: SocketAddr,
    key: PublicKey,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// Settings with which tests need not wait.
pub(super) fn settings() -> NodeSettings {
    NodeSettings { free_floor_bytes: Some(0), ..NodeSettings::default() }
}

impl TestNode {
    /// Starts one that admits nobody.
    pub(super) async fn start() -> Self {
        Self::start_with(TempDir::new().unwrap(), settings()).await
    }

    /// Starts one in a folder.
    pub(super) async fn start_with(folder: TempDir, settings: NodeSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seed: [u8; 32] = *blake3::hash(address.to_string().as_bytes()).as_bytes();
        let key = create_key(folder.path(), &Zeroizing::new(seed)).unwrap().public();
        let mut node = Self { folder, settings, address, key, running: None };
        node.run(listener);
        node
    }

    fn run(&mut self, listener: TcpListener) {
        let server = NodeServer::open(self.folder.path(), listener, self.settings.clone()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async move { drop(stopped.await) }));
        self.running = Some((stop, running));
    }

    /// Stops it; requests under way end.
    pub(super) async fn stop(&mut self) {
        if let Some((stop, running)) = self.running.take() {
            drop(stop);
            running.await.unwrap();
        }
    }

    /// Stops it and starts it again at the same address.
    pub(super) async fn restart(&mut self) {
        self.stop().await;
        self.run(TcpListener::bind(self.address).await.unwrap());
    }

    pub(super) fn key(&self) -> PublicKey {
        self.key
    }

    /// How a gateway is configured for it.
    pub(super) fn spec(&self) -> BackendSpec {
        let options = BTreeMap::from([(NODE_KEY.to_owned(), self.key.to_string())]);
        let url = format!("node://{}", self.address);
        BackendSpec { name: "east".to_owned(), url, provider: None, zone: None, options }
    }

    /// Admits a cluster and waits until the node knows.
    pub(super) fn allow(&self, cluster: u8, quota: u64) {
        let name = identity(cluster).names().remove(0);
        AdmissionFile::change(self.folder.path(), |file| file.allow(&name, Some(quota), None)).unwrap();
    }

    /// Revokes a cluster's key.
    pub(super) fn revoke(&self, cluster: u8) {
        let name = identity(cluster).names().remove(0);
        assert!(AdmissionFile::change(self.folder.path(), |file| file.revoke(&name)).unwrap());
    }

    /// A store of an admitted cluster.
    pub(super) async fn formatted(&self, cluster: u8) -> Arc<dyn SliverStore> {
        self.allow(cluster, u64::MAX);
        self.open(cluster).await
    }

    /// A store of a cluster that the node is about to admit.
    pub(super) async fn open(&self, cluster: u8) -> Arc<dyn SliverStore> {
        until(|| async {
            match open_bare(&self.spec(), identity(cluster), Path::new("/"), Expect::New).await {
                Err(StoreError::Denied { .. }) => None,
                opened => Some(opened.unwrap()),
            }
        })
        .await
    }

    /// The folder of a cluster's slivers.
    pub(super) fn slivers(&self, cluster_number: u8) -> PathBuf {
        self.folder.path().join("clusters").join(hex::encode(cluster(cluster_number).0)).join("slivers")
    }

    /// What lies on the disk for a cluster.
    pub(super) fn usage(&self, number: u8) -> ClusterUsage {
        let all = cluster_usage(self.folder.path()).unwrap();
        all.into_iter().map(|(_, usage)| usage).find(|usage| usage.cluster == cluster(number)).unwrap()
    }

    /// That nothing of what was refused is on the disk, staged or visible.
    pub(super) async fn assert_left_nothing(&self, number: u8) {
        until(|| async {
            let files = files(&self.slivers(number));
            files.iter().all(|file| file.ends_with("haulout-backend.json")).then_some(())
        })
        .await;
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

/// Asks until there is an answer.
pub(super) async fn until<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    for _ in 0..500 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it did not happen within ten seconds");
}

pub(super) fn cluster(number: u8) -> ClusterId {
    ClusterId([number; 16])
}

pub(super) fn identity(number: u8) -> GatewayIdentity {
    GatewayIdentity::new(cluster(number), &ClusterKey::new(1, [number; 32]))
}

/// A real sliver.
pub(super) struct Sliver {
    pub(super) name: SliverName,
    pub(super) root: Root,
    pub(super) bytes: Bytes,
}

/// The second sliver of a blob of a cluster, with so many bytes of content.
pub(super) fn sliver(cluster_number: u8, number: u8, len: usize) -> Sliver {
    let (blob, key) = (BlobId([number; 16]), BlobKey::from_bytes([number; 32]));
    let keys = BlobKeys { key: &key, wrapped: ClusterKey::new(1, [4; 32]).wrap(&blob, &key, [5; 12]) };
    let shape = StripeShape::streaming("copy-3".parse().unwrap());
    let mut encoded = encode_blob(cluster(cluster_number), blob, shape, keys, &vec![number; len], b"").unwrap();
    let sliver = encoded.slivers.swap_remove(1);
    Sliver { name: SliverName { blob, index: 1, attempt: 0 }, root: sliver.root, bytes: sliver.parts.concat().into() }
}
