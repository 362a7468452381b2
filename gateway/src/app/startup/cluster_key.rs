//! The cluster key's file.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use backends::GatewayIdentity;
use codec::{ClusterId, ClusterKey};
use zeroize::Zeroizing;

use crate::app::startup::data_folder::DataFolder;
use crate::clock::{Ambient, random};
use crate::config::ClusterKeyConfig;
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

    /// The keys of the file, for a cluster whose database is lost: the newest wraps.
    ///
    /// # Errors
    /// There is no file, or it is damaged.
    pub fn without_database(folder: &DataFolder, config: &ClusterKeyConfig, id: ClusterId) -> anyhow::Result<Self> {
        let keys = read(&KeySource::new(folder, config))?.with_context(|| {
            format!(
                "there is no cluster key: put the copy that was kept at {}/{FILE}. Without it nothing can be read",
                folder.path().display()
            )
        })?;
        let active = *keys.last_key_value().context("there is no cluster key")?.0;
        Ok(Self { id, active, keys })
    }

    /// Reads which cluster the database belongs to and opens its key. `create` says whether to create the cluster,
    /// and generate its key, when the database is new.
    ///
    /// # Errors
    /// The key is missing or a different one, or the database is unavailable. Nothing is ever overwritten.
    pub async fn establish(
        folder: &DataFolder,
        config: &ClusterKeyConfig,
        metadata: &MetadataStore,
        ambient: &Ambient,
        create: bool,
    ) -> anyhow::Result<Self> {
        let source = KeySource::new(folder, config);
        let keys = read(&source)?;
        let cluster = metadata.cluster().await.context("cannot read the cluster from the database")?;
        match (cluster, keys) {
            (Some(cluster), Some(keys)) => prove(&source, &cluster, keys),
            (Some(cluster), None) => bail!(
                "the database belongs to cluster {}, whose key is missing: put it at {}/{FILE} (from a backup, or from \
                 another gateway of the cluster). Without it nothing can be read",
                cluster.id,
                folder.path().display()
            ),
            (None, _) if !create => bail!("the database belongs to no cluster yet: start `haulout serve` first"),
            (None, keys) => Self::create(&source, metadata, ambient, keys).await,
        }
    }

    async fn create(
        source: &KeySource<'_>,
        metadata: &MetadataStore,
        ambient: &Ambient,
        present: Option<KeyBytes>,
    ) -> anyhow::Result<Self> {
        let (folder, fresh) = (source.folder, present.is_none() && source.is_file());
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
        prove(source, &winner, keys)
    }
}

/// Where the key comes from: the environment, else a command, else the file.
pub(crate) struct KeySource<'a> {
    folder: &'a DataFolder,
    config: &'a ClusterKeyConfig,
}

impl<'a> KeySource<'a> {
    pub(crate) fn new(folder: &'a DataFolder, config: &'a ClusterKeyConfig) -> Self {
        Self { folder, config }
    }

    /// Whether a new cluster may have its key made and written to the file.
    fn is_file(&self) -> bool {
        !self.config.is_elsewhere()
    }

    /// What it is called in messages.
    fn name(&self) -> String {
        match self.config {
            ClusterKeyConfig { value: Some(_), .. } => "HAULOUT_CLUSTER_KEY".to_owned(),
            ClusterKeyConfig { command: Some(_), .. } => "the output of [cluster_key] command".to_owned(),
            _ => format!("{}/{FILE}", self.folder.path().display()),
        }
    }

    /// The keys as text; none where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, or the command fails.
    pub(crate) fn text(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        if let Some(value) = &self.config.value {
            return Ok(Some(value.clone()));
        }
        let Some([program, arguments @ ..]) = self.config.command.as_deref() else {
            return self.folder.read_secret(FILE);
        };
        let output =
            std::process::Command::new(program).args(arguments).stderr(std::process::Stdio::inherit()).output();
        let output = output.with_context(|| format!("cannot run {program:?} for the cluster key"))?;
        if !output.status.success() {
            bail!("{program:?}, which prints the cluster key, ended with {}", output.status);
        }
        let text = String::from_utf8(output.stdout).map_err(|_| anyhow::anyhow!("{} is no text", self.name()))?;
        Ok(Some(text.into()))
    }
}

fn read(source: &KeySource<'_>) -> anyhow::Result<Option<KeyBytes>> {
    let Some(text) = source.text()? else { return Ok(None) };
    let damaged =
        || anyhow::anyhow!("{} is damaged: a line for each key, its number and 64 hexadecimal digits", source.name());
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

fn prove(source: &KeySource<'_>, cluster: &Cluster, keys: KeyBytes) -> anyhow::Result<ClusterIdentity> {
    let check = |bytes: &Zeroizing<[u8; 32]>| ClusterKey::new(cluster.key_id, **bytes).check_value(&cluster.id);
    if keys.get(&cluster.key_id).is_none_or(|bytes| check(bytes) != cluster.key_check) {
        bail!(
            "{} is not the key of cluster {}, to which the database belongs: use the cluster's own key, or this \
             key's own database. Nothing was changed",
            source.name(),
            cluster.id
        );
    }
    Ok(ClusterIdentity { id: cluster.id, active: cluster.key_id, keys })
}
