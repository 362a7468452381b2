//! The row that identifies the cluster of this database.

use codec::ClusterId;

use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// The cluster and the id of its active key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its name; every sliver and every backend's format marker carries it.
    pub id: ClusterId,
    /// Which cluster key wraps new blob keys.
    pub key_id: u32,
    /// Proves that a key file holds that key.
    pub key_check: [u8; 16],
}

const SELECT: &str = "SELECT cluster_id, key_id, key_check FROM cluster";

impl MetadataStore {
    /// The cluster, once it was created.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn cluster(&self) -> Result<Option<Cluster>> {
        self.database().row(Statement::new(SELECT)).await?.as_ref().map(cluster).transpose()
    }

    /// Creates the cluster unless it exists; returns the existing or new one.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn create_cluster(&self, cluster: Cluster) -> Result<Cluster> {
        self.database().transact(CreateCluster(cluster)).await
    }
}

struct CreateCluster(Cluster);

impl Work for CreateCluster {
    type Done = Cluster;

    async fn run(&self, tx: &mut Session) -> Result<Cluster> {
        let text = format!(
            "INSERT INTO cluster (id, cluster_id, key_id, key_check, created_at) VALUES (1, $1, $2, $3, {}) \
             ON CONFLICT (id) DO NOTHING",
            tx.dialect().now()
        );
        let statement = Statement::new(text).bind(self.0.id.0).bind(self.0.key_id).bind(self.0.key_check);
        tx.execute(statement).await?;
        let row = tx.row(Statement::new(SELECT)).await?;
        cluster(&row.ok_or_else(|| MetadataError::Damaged("the cluster's row is gone".to_owned()))?)
    }
}

fn cluster(row: &Row) -> Result<Cluster> {
    Ok(Cluster { id: ClusterId(row.array(0)?), key_id: row.number(1)?, key_check: row.array(2)? })
}
