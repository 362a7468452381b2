//! The clusters and keys that the node admits: a file that commands replace and that the running node reads again.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use codec::ClusterId;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::whole_file;
use crate::node::protocol::{GatewayName, PublicKey};

/// The file below the node's data folder.
pub const ADMISSION_FILE: &str = "admitted.json";
const LOCK_FILE: &str = "admitted.lock";
const FORMAT: u32 = 1;
/// A longer file is not read.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// One cluster and what it may store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmittedCluster {
    /// The cluster.
    pub cluster: ClusterId,
    /// What the operator calls it.
    pub name: Option<String>,
    /// The most bytes of its slivers, trash included.
    pub quota_bytes: u64,
    /// Keys of its gateways. Without any its slivers are kept, and nobody gets at them.
    pub keys: Vec<PublicKey>,
}

/// The content of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmissionFile {
    format: u32,
    /// The clusters.
    pub clusters: Vec<AdmittedCluster>,
}

impl Default for AdmissionFile {
    fn default() -> Self {
        Self { format: FORMAT, clusters: Vec::new() }
    }
}

impl AdmissionFile {
    /// Reads the file; one that is absent admits nobody.
    ///
    /// # Errors
    /// It cannot be read, or says what this version does not understand.
    pub fn read(folder: &Path) -> std::io::Result<Self> {
        let file = match File::open(folder.join(ADMISSION_FILE)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            file => file?,
        };
        let mut text = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
        let read: Self = serde_json::from_slice(&text)?;
        if read.format == FORMAT {
            Ok(read)
        } else {
            Err(std::io::Error::other(format!(
                "{ADMISSION_FILE} has format {}, this version knows {FORMAT}",
                read.format
            )))
        }
    }

    /// Changes the file, durably and as a whole: a node that reads meanwhile sees the old one or the new one.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn change<T>(folder: &Path, change: impl FnOnce(&mut Self) -> T) -> std::io::Result<T> {
        let lock =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join(LOCK_FILE))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)?;
        let mut content = Self::read(folder)?;
        let changed = change(&mut content);
        whole_file::replace(folder, ADMISSION_FILE, &serde_json::to_vec_pretty(&content)?)?;
        Ok(changed)
    }

    /// Admits a gateway's key. What is not given stays as it is for a cluster that is known.
    pub fn allow(&mut self, gateway: &GatewayName, quota_bytes: Option<u64>, name: Option<String>) {
        let known = self.clusters.iter_mut().position(|known| known.cluster == gateway.cluster);
        let at = known.unwrap_or_else(|| {
            let cluster = gateway.cluster;
            self.clusters.push(AdmittedCluster { cluster, name: None, quota_bytes: u64::MAX, keys: Vec::new() });
            self.clusters.len() - 1
        });
        let cluster = &mut self.clusters[at];
        cluster.quota_bytes = quota_bytes.unwrap_or(cluster.quota_bytes);
        cluster.name = name.or(cluster.name.take());
        if !cluster.keys.contains(&gateway.key) {
            cluster.keys.push(gateway.key);
        }
    }

    /// Takes a gateway's key back; says whether it was admitted. The cluster's slivers stay.
    pub fn revoke(&mut self, gateway: &GatewayName) -> bool {
        let Some(cluster) = self.clusters.iter_mut().find(|known| known.cluster == gateway.cluster) else {
            return false;
        };
        let before = cluster.keys.len();
        cluster.keys.retain(|key| *key != gateway.key);
        cluster.keys.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_admitted_and_revoked_and_the_cluster_stays() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(AdmissionFile::read(folder.path()).unwrap(), AdmissionFile::default());
        let gateway = GatewayName { cluster: ClusterId([1; 16]), key: PublicKey([2; 32]) };
        let second = GatewayName { key: PublicKey([3; 32]), ..gateway };
        let change =
            |change: &mut dyn FnMut(&mut AdmissionFile)| AdmissionFile::change(folder.path(), |file| change(file));
        change(&mut |file| file.allow(&gateway, Some(5), Some("one".to_owned()))).unwrap();
        change(&mut |file| file.allow(&second, None, None)).unwrap();
        let read = AdmissionFile::read(folder.path()).unwrap();
        let cluster = &read.clusters[0];
        assert_eq!((cluster.quota_bytes, cluster.name.as_deref(), cluster.keys.len()), (5, Some("one"), 2));
        assert!(AdmissionFile::change(folder.path(), |file| file.revoke(&gateway)).unwrap());
        assert!(!AdmissionFile::change(folder.path(), |file| file.revoke(&gateway)).unwrap());
        assert_eq!(AdmissionFile::read(folder.path()).unwrap().clusters[0].keys, [second.key]);
    }

    #[test]
    fn a_file_of_a_later_version_is_not_understood() {
        let folder = tempfile::tempdir().unwrap();
        for text in [r#"{"format":2,"clusters":[]}"#, r#"{"format":1,"clusters":[],"more":1}"#, "", "{"] {
            std::fs::write(folder.path().join(ADMISSION_FILE), text).unwrap();
            assert!(AdmissionFile::read(folder.path()).is_err(), "{text}");
        }
    }
}
