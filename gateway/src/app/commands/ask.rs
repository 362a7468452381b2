//! Has an operation done: by the gateway if it runs, else by this process itself.

use anyhow::Context as _;

use crate::admin::{Admin, CallError, Operation, call};
use crate::app::data_folder::DataFolder;
use crate::app::foundation::Foundation;
use crate::app::tenure::{Lease, Tenure, gateway_name};
use crate::clock::Ambient;
use crate::config::Config;

/// Whom to ask.
pub(in crate::app) struct Asker {
    folder: DataFolder,
    config: Config,
    ambient: Ambient,
}

impl Asker {
    /// Asks whoever has this configuration's data folder.
    pub(in crate::app) fn new(config: Config, ambient: Ambient) -> anyhow::Result<Self> {
        Ok(Self { folder: DataFolder::find(&config.data)?, config, ambient })
    }

    /// Has it done.
    pub(in crate::app) async fn ask<O: Operation>(&self, operation: O) -> anyhow::Result<O::Reply> {
        match call(&self.folder.socket(), &operation).await {
            Err(CallError::NobodyThere) => self.do_it(operation).await,
            answered => Ok(answered?),
        }
    }

    /// Without a running gateway this process is one, for the time of an operation.
    async fn do_it<O: Operation>(&self, operation: O) -> anyhow::Result<O::Reply> {
        // A gateway that starts meanwhile has to wait, and one that is about to answer is not run over.
        let lock = self.folder.lock()?;
        let foundation = Foundation::find(&self.config, self.folder.clone(), &self.ambient).await?;
        let metadata = foundation.metadata.clone();
        let name = format!("{} (command)", gateway_name(&self.folder, &self.ambient)?);
        let round = foundation.heartbeats.look().await.context("cannot compare the backends with the database")?;
        let tenure = Tenure::begin(&metadata, &name, Lease::default(), round.incarnation).await?;
        let admin = self.admin(foundation, &tenure);
        let done = operation.run(&admin).await;
        let flushed = admin.objects.flush_meters().await;
        tenure.end().await;
        metadata.close().await;
        drop(lock);
        flushed.context("cannot write the meters down")?;
        Ok(done?)
    }

    fn admin(&self, foundation: Foundation, tenure: &Tenure) -> Admin {
        let heartbeats = foundation.heartbeats.clone();
        let (metadata, cluster, key, base) =
            (foundation.metadata.clone(), foundation.cluster.id, foundation.cluster.key(), foundation.base.clone());
        Admin {
            objects: foundation.objects(&self.config, tenure.incarnation, &self.ambient),
            metadata,
            cluster,
            key,
            heartbeats,
            backends: self.config.backends.clone(),
            base,
            ambient: self.ambient.clone(),
        }
    }
}
