//! Runs an admin operation: in the running gateway if there is one, else in this process.

use anyhow::Context as _;

use crate::admin::{Admin, CallError, Operation, call, perform};
use crate::app::incarnation_lease::{IncarnationLease, LeaseTiming, gateway_name};
use crate::app::startup::components::Components;
use crate::app::startup::data_folder::DataFolder;
use crate::clock::Ambient;
use crate::config::Config;

/// Runs admin operations.
pub(in crate::app) struct OperationRunner {
    folder: DataFolder,
    config: Config,
    ambient: Ambient,
}

impl OperationRunner {
    /// Uses the data folder of this configuration.
    pub(in crate::app) fn new(config: Config, ambient: Ambient) -> anyhow::Result<Self> {
        Ok(Self { folder: DataFolder::find(&config.data)?, config, ambient })
    }

    /// Runs an operation.
    pub(in crate::app) async fn run<O: Operation>(&self, operation: O) -> anyhow::Result<O::Reply> {
        match call(&self.folder.socket(), &operation).await {
            Err(CallError::NobodyThere) => self.run_locally(operation).await,
            answered => Ok(answered?),
        }
    }

    /// Without a running gateway this process acts as one while the operation runs.
    async fn run_locally<O: Operation>(&self, operation: O) -> anyhow::Result<O::Reply> {
        // Holds the serve lock, so that a gateway that starts meanwhile waits and one that is starting is not disturbed.
        let lock = self.folder.lock()?;
        let components = Components::find(&self.config, self.folder.clone(), &self.ambient).await?;
        let metadata = components.metadata.clone();
        let name = format!("{} (command)", gateway_name(&self.folder, &self.ambient)?);
        let round = components.heartbeats.look().await.context("cannot compare the backends with the database")?;
        let incarnation_lease =
            IncarnationLease::begin(&metadata, &name, LeaseTiming::default(), round.incarnation).await?;
        let admin = self.admin(components, &incarnation_lease);
        let done = perform(operation, &admin).await;
        let flushed = admin.objects.flush_meters().await;
        if let Err(error) = admin.objects.write_journal().await {
            tracing::warn!(%error, "the journal could not be written; a gateway does so when it starts");
        }
        incarnation_lease.end().await;
        metadata.close().await;
        drop(lock);
        flushed.context("cannot flush the meters")?;
        Ok(done?)
    }

    fn admin(&self, components: Components, incarnation_lease: &IncarnationLease) -> Admin {
        let heartbeats = components.heartbeats.clone();
        let (metadata, cluster, key, base) =
            (components.metadata.clone(), components.cluster.id, components.cluster.key(), components.base.clone());
        Admin {
            objects: components.objects(&self.config, incarnation_lease.incarnation, &self.ambient),
            metadata,
            cluster,
            key,
            heartbeats,
            backends: self.config.backends.clone(),
            has_default_backends: self.config.has_default_backends(),
            audit: self.config.audit.clone(),
            money: self.config.money.clone(),
            base,
            ambient: self.ambient.clone(),
        }
    }
}
