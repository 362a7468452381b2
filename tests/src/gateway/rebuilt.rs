//! A gateway on a database that was rebuilt from the backends of another one.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::TestGateway;

impl TestGateway {
    /// Rebuilds a new database from this one's backends and starts a gateway on it, with a data folder of its own, whether or not this one runs.
    /// Answers what `haulout recover` reported too. It must be finished before this one.
    ///
    /// # Errors
    /// Nothing was rebuilt, or it did not start; the message holds its log.
    pub async fn start_rebuilt(&self) -> Result<(Self, Value)> {
        let folder = tempfile::Builder::new().prefix("haulout-test-").tempdir()?;
        let data = folder.path().join("data");
        fs::DirBuilder::new().mode(0o700).create(&data)?;
        fs::copy(self.data().join("cluster.key"), data.join("cluster.key"))?;
        let settings = self.settings.clone().with_folders_of(self.data());
        let database = settings.make_database().await?;
        let keys = (self.access_key.clone(), self.secret_key.clone());
        let mut gateway = Self::prepare(folder, settings, database, keys).await?;
        let recovered = gateway.haulout(&["recover", "--json"]).run().await?;
        let report = serde_json::from_str(&recovered.stdout).with_context(|| recovered.describe())?;
        gateway.begin()?;
        Ok((gateway, report))
    }
}
