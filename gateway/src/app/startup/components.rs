//! The components that serving and every command need: data folder, database, cluster, backends.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::try_join_all;
use zeroize::Zeroizing;

use crate::app::startup::cluster_key::ClusterIdentity;
use crate::app::startup::data_folder::DataFolder;
use crate::app::startup::opened_backend::open_one;
use crate::audit;
use crate::clock::Ambient;
use crate::config::Config;
use crate::metadata::{BackendRow, MetadataError, MetadataStore};
use crate::objects::{
    Backend, Committee, Compute, HeartbeatSettings, Heartbeats, KeyFile, KeyProvider, NoKeyProvider, Objects,
    ObjectsParts, ObjectsSettings,
};

/// Opened and proven to belong together.
#[derive(Debug)]
pub struct Components {
    /// The data folder.
    pub folder: DataFolder,
    /// The rows.
    pub metadata: MetadataStore,
    /// The cluster and its key.
    pub cluster: ClusterIdentity,
    /// The backends.
    pub committee: Committee,
    /// Compares them with the database.
    pub heartbeats: Heartbeats,
    /// What relative backend folders are relative to; absolute.
    pub base: PathBuf,
    /// The key service.
    pub key_provider: Arc<dyn KeyProvider>,
}

impl Components {
    /// Opens everything, and creates what a first start creates: the data folder, the database, the cluster and its key, the
    /// markers of new backends.
    ///
    /// # Errors
    /// Names what is inconsistent and how to correct it.
    pub async fn open_or_create(config: &Config, folder: DataFolder, ambient: &Ambient) -> anyhow::Result<Self> {
        Self::open(config, folder, ambient, true).await
    }

    /// Opens what an earlier start created; creates nothing.
    ///
    /// # Errors
    /// Something is missing, or does not fit together.
    pub async fn find(config: &Config, folder: DataFolder, ambient: &Ambient) -> anyhow::Result<Self> {
        // Opening a database that is not there would make one.
        let is_file = !config.cluster_key.is_elsewhere();
        if is_file && folder.read_secret(crate::app::startup::cluster_key::FILE)?.is_none() {
            anyhow::bail!("{} belongs to no cluster yet: start `haulout serve` first", folder.path().display());
        }
        Self::open(config, folder, ambient, false).await
    }

    async fn open(config: &Config, folder: DataFolder, ambient: &Ambient, make: bool) -> anyhow::Result<Self> {
        let base =
            std::path::absolute(if config.base.as_os_str().is_empty() { ".".as_ref() } else { config.base.as_path() })?;
        let key_provider = key_provider(config, &base, ambient)?;
        let metadata = MetadataStore::open(&config.database, ambient.clone()).await.map_err(cannot_open)?;
        metadata.set_grace_seconds(config.objects.grace_seconds);
        let opened = async {
            let cluster = ClusterIdentity::establish(&folder, &config.cluster_key, &metadata, ambient, make).await?;
            let rows = metadata.backends().await.context("cannot read the backends from the database")?;
            let opened = config.backends.iter().map(|backend| open_one(config, backend, &rows, &cluster, &base, make));
            let mut backends = Vec::new();
            for (backend, row) in try_join_all(opened).await? {
                if make && !rows.contains(&row) {
                    metadata.record_backend(row).await.context("cannot record a backend")?;
                }
                backends.push(backend);
            }
            warn_of_unconfigured(&rows, &backends);
            let committee = Committee::new(backends);
            warn_of_zones(config, &committee);
            anyhow::Ok((cluster, committee))
        };
        match opened.await {
            Ok((cluster, committee)) => {
                let (key, settings) = (cluster.key(), heartbeat_settings(config));
                let heartbeats =
                    Heartbeats::new(metadata.clone(), &committee, cluster.id, key, ambient.clone(), settings);
                Ok(Self { folder, metadata, cluster, committee, heartbeats, base, key_provider })
            }
            Err(error) => {
                metadata.close().await;
                Err(error)
            }
        }
    }
}

impl Components {
    /// Builds the use cases on it, for this incarnation.
    #[must_use]
    pub fn objects(self, config: &Config, incarnation: u32, ambient: &Ambient) -> Objects {
        let compute = Compute::of_all_cores();
        let settings = ObjectsSettings {
            objects: config.objects.clone(),
            journal: config.journal.clone(),
            memory_bytes: config.limits.memory_bytes,
            object_bytes_max: config.s3.object_bytes_max,
        };
        Objects::new(ObjectsParts {
            scheme: config.scheme,
            classes: config.storage_classes.clone(),
            cluster: self.cluster.id,
            key: self.cluster.key(),
            metadata: self.metadata,
            committee: self.committee,
            incarnation,
            ambient: ambient.clone(),
            compute,
            key_provider: self.key_provider,
            settings,
        })
    }
}

/// How heartbeats are made.
fn heartbeat_settings(config: &Config) -> HeartbeatSettings {
    HeartbeatSettings {
        directory: Duration::from_secs(config.objects.heartbeat_seconds),
        remote: Duration::from_secs(config.objects.heartbeat_remote_seconds),
        thresholds: audit::rules(&config.audit).thresholds,
    }
}

/// The configured key service; without one, a provider that refuses every request.
fn key_provider(config: &Config, base: &std::path::Path, ambient: &Ambient) -> anyhow::Result<Arc<dyn KeyProvider>> {
    let Some(kms) = &config.kms else { return Ok(Arc::new(NoKeyProvider)) };
    let file = base.join(&kms.file);
    let text = std::fs::read_to_string(&file).map(Zeroizing::new);
    let text = text.with_context(|| format!("cannot read the keys of [kms] in {}", file.display()))?;
    let keys = KeyFile::parse(&text, ambient.clone());
    Ok(Arc::new(keys.map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?))
}

fn cannot_open(error: MetadataError) -> anyhow::Error {
    let advice = match &error {
        MetadataError::Locked => {
            "another process uses this database and no gateway answers on the admin socket of this data folder"
        }
        MetadataError::UnsafeSettings(_) => "acknowledged writes would be lost in a power cut; nothing was changed",
        MetadataError::SchemaTooNew => "use the newer program",
        _ => "cannot open the metadata database",
    };
    anyhow::Error::new(error).context(advice)
}

/// The database says what belongs to the cluster; this gateway's file only how to reach it.
fn warn_of_unconfigured(rows: &[BackendRow], backends: &[Backend]) {
    for row in rows.iter().filter(|row| !backends.iter().any(|backend| backend.id == row.id)) {
        tracing::warn!(
            backend = %row.id,
            "belongs to the cluster and is not in this gateway's configuration: it cannot be read here, and nothing is \
             moved; `haulout backend remove` takes it out of the cluster"
        );
    }
}

/// A zone that fails takes the slivers in it with it: the operator named zones and should know when they are too few.
fn warn_of_zones(config: &Config, committee: &Committee) {
    let schemes: BTreeSet<_> = config.storage_classes.values().chain([&config.scheme]).copied().collect();
    for scheme in schemes {
        if let Some(zone) = committee.zone_at_risk(scheme) {
            tracing::warn!(
                %scheme, zone,
                "a blob has more slivers in this zone than may be lost, because there are too few zones: its loss would \
                 lose data; add backends elsewhere or use a scheme with more parity"
            );
        }
    }
}
