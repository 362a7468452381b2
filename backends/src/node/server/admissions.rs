//! The clusters that the running node admits, and what each has: follows the file.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use codec::ClusterId;

use super::files::admission_file::{ADMISSION_FILE, AdmissionFile};
use super::files::store_names::StoreNames;
use super::settings::NodeSettings;
use super::tenant::Tenant;
use crate::node::protocol::{Failure, FailureCode, PublicKey};

/// Inode, size and time of the file: another file is another triple.
type FileState = Option<(u64, u64, i64, i64)>;

#[derive(Debug, Default)]
struct Admitted {
    keys: HashMap<(ClusterId, PublicKey), Arc<Tenant>>,
    tenants: HashMap<ClusterId, Arc<Tenant>>,
}

/// The clusters of a node.
#[derive(Debug)]
pub(super) struct Admissions {
    data: PathBuf,
    settings: NodeSettings,
    names: StoreNames,
    admitted: RwLock<Admitted>,
    read: Mutex<FileState>,
}

impl Admissions {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn open(data: &Path, settings: &NodeSettings) -> std::io::Result<Self> {
        let names = StoreNames::open(data)?;
        let admissions = Self {
            data: data.to_owned(),
            settings: settings.clone(),
            names,
            admitted: RwLock::default(),
            read: Mutex::new(file_state(data)),
        };
        admissions.apply(AdmissionFile::read(data)?);
        Ok(admissions)
    }

    /// Reads the file again if it is another one; says whether it was. One that cannot be read changes nothing.
    pub(super) fn refresh(&self) -> bool {
        let state = file_state(&self.data);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // No file at all is a disk that is away, not an order to refuse everybody.
        if state.is_none() || *read == state {
            return false;
        }
        match AdmissionFile::read(&self.data) {
            Ok(file) => {
                self.apply(file);
                *read = state;
                true
            }
            Err(error) => {
                // Read again at the next look: what it says may be a revocation.
                tracing::error!(%error, "{ADMISSION_FILE} cannot be read: what was admitted stays admitted");
                false
            }
        }
    }

    fn apply(&self, file: AdmissionFile) {
        let mut admitted = self.admitted.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Admitted::default();
        for cluster in file.clusters {
            let known = admitted.tenants.remove(&cluster.cluster);
            let tenant = known
                .unwrap_or_else(|| Arc::new(Tenant::new(&self.data, &cluster, self.names.clone(), &self.settings)));
            tenant.usage.set_quota(cluster.quota_bytes);
            for key in cluster.keys {
                next.keys.insert((cluster.cluster, key), Arc::clone(&tenant));
            }
            next.tenants.insert(cluster.cluster, tenant);
        }
        *admitted = next;
    }

    /// What a cluster has, for one of its keys.
    ///
    /// # Errors
    /// [`FailureCode::NotAdmitted`].
    pub(super) fn find(&self, cluster: &ClusterId, gateway: &PublicKey) -> Result<Arc<Tenant>, Failure> {
        let admitted = self.admitted.read().unwrap_or_else(PoisonError::into_inner);
        let reason = || format!("this node has not admitted cluster {} with key {gateway}", hex::encode(cluster.0));
        let found = admitted.keys.get(&(*cluster, *gateway)).cloned();
        found.ok_or_else(|| Failure::new(FailureCode::NotAdmitted, reason()))
    }

    /// Whether the key is admitted.
    pub(super) fn admits(&self, cluster: &ClusterId, gateway: &PublicKey) -> bool {
        self.find(cluster, gateway).is_ok()
    }

    /// All clusters, admitted keys or not.
    pub(super) fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.admitted.read().unwrap_or_else(PoisonError::into_inner).tenants.values().cloned().collect()
    }
}

fn file_state(data: &Path) -> FileState {
    let file = std::fs::metadata(data.join(ADMISSION_FILE)).ok()?;
    Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
}
