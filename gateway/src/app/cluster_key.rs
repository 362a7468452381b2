//! The cluster key's file.

use anyhow::{Context as _, bail};
use codec::{ClusterId, ClusterKey};
use zeroize::Zeroizing;

use super::data_folder::DataFolder;
use crate::clock::{Ambient, random};
use crate::metadata::{Cluster, MetadataStore};

/// The file's name in the data folder: 64 hexadecimal digits.
pub const FILE: &str = "cluster.key";
/// The id of the only key there is until keys can be replaced.
const KEY_ID: u32 = 1;

/// The cluster this gateway belongs to, and its key.
#[derive(Debug)]
pub struct ClusterIdentity {
    /// Whose slivers these are.
    pub id: ClusterId,
    bytes: Zeroizing<[u8; 32]>,
}

impl ClusterIdentity {
    /// The key.
    #[must_use]
    pub fn key(&self) -> ClusterKey {
        ClusterKey::new(KEY_ID, *self.bytes)
    }

    /// Finds out which cluster the database belongs to and opens its key. `found` says whether to found the cluster,
    /// and generate its key, when the database is new.
    ///
    /// # Errors
    /// The key is missing or another, or the database is away. Nothing is overwritten, ever.
    pub async fn establish(
        folder: &DataFolder,
        metadata: &MetadataStore,
        ambient: &Ambient,
        found: bool,
    ) -> anyhow::Result<Self> {
        let bytes = read(folder)?;
        let cluster = metadata.cluster().await.context("cannot ask the database for its cluster")?;
        match (cluster, bytes) {
            (Some(cluster), Some(bytes)) => prove(folder, &cluster, bytes),
            (Some(cluster), None) => bail!(
                "the database belongs to cluster {}, whose key is missing: put it at {}/{FILE} (from a backup, or from \
                 another gateway of the cluster). Without it nothing can be read",
                cluster.id,
                folder.path().display()
            ),
            (None, _) if !found => bail!("the database belongs to no cluster yet: start `haulout serve` first"),
            (None, bytes) => Self::found(folder, metadata, ambient, bytes).await,
        }
    }

    async fn found(
        folder: &DataFolder,
        metadata: &MetadataStore,
        ambient: &Ambient,
        present: Option<Zeroizing<[u8; 32]>>,
    ) -> anyhow::Result<Self> {
        let fresh = present.is_none();
        let bytes = present.unwrap_or_else(|| Zeroizing::new(random(ambient.entropy.as_ref())));
        if fresh {
            // The key is durable before anything can be encrypted with it.
            folder.write_secret(FILE, &format!("{}\n", *Zeroizing::new(hex::encode(*bytes))))?;
        }
        let id = ClusterId(random(ambient.entropy.as_ref()));
        let key_check = ClusterKey::new(KEY_ID, *bytes).check_value(&id);
        let winner = metadata.found_cluster(Cluster { id, key_id: KEY_ID, key_check }).await;
        let winner = winner.context("cannot found the cluster")?;
        if winner.id != id && fresh {
            folder.remove(FILE)?;
            bail!("another gateway has just founded cluster {}: copy its {FILE} here and start again", winner.id);
        }
        prove(folder, &winner, bytes)
    }
}

fn read(folder: &DataFolder) -> anyhow::Result<Option<Zeroizing<[u8; 32]>>> {
    let Some(text) = folder.read_secret(FILE)? else { return Ok(None) };
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).map_err(|_| {
        anyhow::anyhow!("{}/{FILE} is damaged: it holds 64 hexadecimal digits", folder.path().display())
    })?;
    Ok(Some(bytes))
}

fn prove(folder: &DataFolder, cluster: &Cluster, bytes: Zeroizing<[u8; 32]>) -> anyhow::Result<ClusterIdentity> {
    if cluster.key_id != KEY_ID || ClusterKey::new(KEY_ID, *bytes).check_value(&cluster.id) != cluster.key_check {
        bail!(
            "{}/{FILE} is not the key of cluster {}, to which the database belongs: use the cluster's own key, or this \
             key's own database. Nothing was changed",
            folder.path().display(),
            cluster.id
        );
    }
    Ok(ClusterIdentity { id: cluster.id, bytes })
}
