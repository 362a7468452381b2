//! What each cluster calls the store that it has formatted on the node.
//!
//! It is kept in the node's data folder, beside its key: a store's own marker may be on a disk that is away, and then nobody else may
//! get its place.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use codec::ClusterId;

use super::whole_file;

/// The file below the node's data folder: a JSON object of clusters and names.
pub(in crate::node::server) const STORES_FILE: &str = "stores.json";

type Names = BTreeMap<String, String>;

/// The names of all stores. Clones share them.
#[derive(Clone, Debug)]
pub(in crate::node::server) struct StoreNames {
    data: PathBuf,
    names: Arc<Mutex<Names>>,
}

impl StoreNames {
    /// Reads the file; without one no store is known.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::node::server) fn open(data: &Path) -> io::Result<Self> {
        let names = match std::fs::read(data.join(STORES_FILE)) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| io::Error::other(format!("{STORES_FILE} cannot be read: {error}")))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Names::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { data: data.to_owned(), names: Arc::new(Mutex::new(names)) })
    }

    /// What the cluster calls its store.
    pub(in crate::node::server) fn get(&self, cluster: &ClusterId) -> Option<String> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&hex::encode(cluster.0)).cloned()
    }

    /// The cluster's store is called so from now on, durably.
    ///
    /// # Errors
    /// The file cannot be written; what it says stays.
    pub(in crate::node::server) fn set(&self, cluster: &ClusterId, name: &str) -> io::Result<()> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = names.clone();
        next.insert(hex::encode(cluster.0), name.to_owned());
        whole_file::replace(&self.data, STORES_FILE, &serde_json::to_vec_pretty(&next)?)?;
        *names = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outlive_a_restart_and_half_a_file_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let names = StoreNames::open(folder.path()).unwrap();
        names.set(&ClusterId([1; 16]), "east").unwrap();
        names.set(&ClusterId([2; 16]), "west").unwrap();
        let again = StoreNames::open(folder.path()).unwrap();
        assert_eq!(again.get(&ClusterId([1; 16])).as_deref(), Some("east"));
        assert_eq!(again.get(&ClusterId([3; 16])), None);
        std::fs::write(folder.path().join(STORES_FILE), "{\"").unwrap();
        assert!(StoreNames::open(folder.path()).is_err());
    }
}
