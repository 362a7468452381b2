//! The cluster key's file.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use backends::GatewayIdentity;
use codec::{ClusterId, ClusterKey};
use zeroize::Zeroizing;

use crate::app::startup::data_folder::DataFolder;
use crate::clock::{Ambient, random};
use crate::metadata::{Cluster, MetadataStore};

/// The file's name in the data folder. One line per key: its id, a space, 64 hexadecimal digits; without an id it is key 1.
/// The database records which of them wraps; all of them unwrap.
pub const FILE: &str = "cluster.key";
/// The id of a cluster's first key.
const KEY_ID: u32 = 1;

/// The keys of the file, by id.
type KeyBytes = BTreeMap<u32, Zeroizing<[u8; 32]>>;

/// The cluster this gateway belongs to, and its key.
#[derive(Debug)]
pub struct ClusterIdentity {
    /// Whose slivers these are.
    pub id: ClusterId,
    active: u32,
    keys: KeyBytes,
}

impl ClusterIdentity {
    /// The key.
    #[must_use]
    pub fn key(&self) -> ClusterKey {
        let key = |id: u32, bytes: &Zeroizing<[u8; 32]>| ClusterKey::new(id, **bytes);
        let others =
            self.keys.iter().filter(|(id, _)| **id != self.active).map(|(id, bytes)| key(*id, bytes)).collect();
        // Its presence was proven when the cluster was established.
        let bytes = self.keys.get(&self.active).cloned().unwrap_or_default();
        key(self.active, &bytes).beside(others)
    }

    /// What storage nodes know the cluster's gateways by.
    #[must_use]
    pub fn gateway(&self) -> GatewayIdentity {
        GatewayIdentity::new(self.id, &self.key())
    }

    /// Reads which cluster the database belongs to and opens its key. `create` says whether to create the cluster,
    /// and generate its key, when the database is new.
    ///
    /// # Errors
    /// The key is missing or a different one, or the database is unavailable. Nothing is ever overwritten.
    pub async fn establish(
        folder: &DataFolder,
        metadata: &MetadataStore,
        ambient: &Ambient,
        create: bool,
    ) -> anyhow::Result<Self> {
        let keys = read(folder)?;
        let cluster = metadata.cluster().await.context("cannot read the cluster from the database")?;
        match (cluster, keys) {
            (Some(cluster), Some(keys)) => prove(folder, &cluster, keys),
            (Some(cluster), None) => bail!(
                "the database belongs to cluster {}, whose key is missing: put it at {}/{FILE} (from a backup, or from \
                 another gateway of the cluster). Without it nothing can be read",
                cluster.id,
                folder.path().display()
            ),
            (None, _) if !create => bail!("the database belongs to no cluster yet: start `haulout serve` first"),
            (None, keys) => Self::create(folder, metadata, ambient, keys).await,
        }
    }

    async fn create(
        folder: &DataFolder,
        metadata: &MetadataStore,
        ambient: &Ambient,
        present: Option<KeyBytes>,
    ) -> anyhow::Result<Self> {
        let fresh = present.is_none();
        let made = || KeyBytes::from([(KEY_ID, Zeroizing::new(random(ambient.entropy.as_ref())))]);
        let keys = present.unwrap_or_else(made);
        let (key_id, bytes) = keys.last_key_value().context("there is no cluster key")?;
        if fresh {
            // The key is durable before anything can be encrypted with it.
            folder.write_secret(FILE, &format!("{}\n", *Zeroizing::new(hex::encode(**bytes))))?;
        }
        let id = ClusterId(random(ambient.entropy.as_ref()));
        let key_check = ClusterKey::new(*key_id, **bytes).check_value(&id);
        let winner = metadata.create_cluster(Cluster { id, key_id: *key_id, key_check }).await;
        let winner = winner.context("cannot create the cluster")?;
        if winner.id != id && fresh {
            folder.remove(FILE)?;
            bail!("another gateway has just created cluster {}: copy its {FILE} here and start again", winner.id);
        }
        prove(folder, &winner, keys)
    }
}

fn read(folder: &DataFolder) -> anyhow::Result<Option<KeyBytes>> {
    let Some(text) = folder.read_secret(FILE)? else { return Ok(None) };
    let damaged = || {
        let data_folder = folder.path().display();
        anyhow::anyhow!("{data_folder}/{FILE} is damaged: a line for each key, its number and 64 hexadecimal digits")
    };
    let mut keys = KeyBytes::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (id, digits) = match line.split_once(' ') {
            Some((id, digits)) => (id.parse().map_err(|_| damaged())?, digits.trim()),
            None => (KEY_ID, line),
        };
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits, bytes.as_mut_slice()).map_err(|_| damaged())?;
        if keys.insert(id, bytes).is_some() {
            return Err(damaged());
        }
    }
    if keys.is_empty() { Err(damaged()) } else { Ok(Some(keys)) }
}

fn prove(folder: &DataFolder, cluster: &Cluster, keys: KeyBytes) -> anyhow::Result<ClusterIdentity> {
    let check = |bytes: &Zeroizing<[u8; 32]>| ClusterKey::new(cluster.key_id, **bytes).check_value(&cluster.id);
    if keys.get(&cluster.key_id).is_none_or(|bytes| check(bytes) != cluster.key_check) {
        bail!(
            "{}/{FILE} is not the key of cluster {}, to which the database belongs: use the cluster's own key, or this \
             key's own database. Nothing was changed",
            folder.path().display(),
            cluster.id
        );
    }
    Ok(ClusterIdentity { id: cluster.id, active: cluster.key_id, keys })
}
