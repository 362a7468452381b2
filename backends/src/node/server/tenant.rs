//! What one cluster has on the node: a store of its own, its bytes, its record of deletions.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use codec::ClusterId;
use futures::TryStreamExt as _;

use super::audits::{EpochBook, VerdictLog};
use super::files::admission_file::AdmittedCluster;
use super::files::record_log::{DELETION_FILE, RecordLog};
use super::files::store_names::{STORES_FILE, StoreNames};
use super::settings::NodeSettings;
use super::share::Share;
use super::usage::{Usage, UsedBytes};
use crate::directory::DirectoryStore;
use crate::marker::Marker;
use crate::node::ambient::now_seconds;
use crate::node::protocol::{Failure, FailureCode};
use crate::{SliverStore as _, StoreError};

/// The folder of the slivers, below the cluster's own.
const SLIVERS: &str = "slivers";

const DAY_SECONDS: u64 = 24 * 3600;

/// A store, and what gateways call it.
#[derive(Clone, Debug)]
struct NamedStore {
    name: String,
    store: DirectoryStore,
    /// It has served a request: its marker carries the name, also while its disk is away.
    is_proven: bool,
}

/// A cluster.
#[derive(Debug)]
pub(super) struct Tenant {
    folder: PathBuf,
    cluster: ClusterId,
    /// The store as one gateway calls it; another name is another store, and there is one.
    store: Mutex<Option<NamedStore>>,
    /// Held for writing while the store is counted, for reading while something becomes visible or goes.
    changing: tokio::sync::RwLock<()>,
    names: StoreNames,
    day: Mutex<(u64, u64)>,
    free_floor: Option<u64>,
    /// What it may take of what all share.
    pub(super) share: Share,
    /// Its bytes.
    pub(super) usage: Usage,
    /// Its record of deletions.
    pub(super) deletions: RecordLog,
    /// The epochs of its audits.
    pub(super) epochs: EpochBook,
    /// What its gateways found.
    pub(super) verdicts: VerdictLog,
}

/// The folder of a cluster below the node's data folder.
pub(super) fn cluster_folder(data: &Path, cluster: &ClusterId) -> PathBuf {
    data.join("clusters").join(hex::encode(cluster.0))
}

/// Adds up the files of a cluster's folder, slivers and trash: what a command can do while a node runs.
pub(super) fn count(folder: &Path) -> std::io::Result<(u64, u64)> {
    let (mut live, mut trash) = (0, 0);
    let entries = |path: &Path| match std::fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        entries => entries.map(Some),
    };
    for part in entries(&folder.join(SLIVERS))?.into_iter().flatten() {
        let part = part?;
        let sum = match part.file_name().to_str() {
            Some("trash") => &mut trash,
            Some(name) if name.len() == 2 => &mut live,
            _ => continue,
        };
        for file in entries(&part.path())?.into_iter().flatten() {
            match file?.metadata() {
                Ok(file) => *sum += file.len(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok((live, trash))
}

impl Tenant {
    /// A cluster whose folder may not exist yet.
    pub(super) fn new(data: &Path, admitted: &AdmittedCluster, names: StoreNames, settings: &NodeSettings) -> Self {
        let (cluster, quota) = (admitted.cluster, admitted.quota_bytes);
        let folder = cluster_folder(data, &cluster);
        let usage = Usage::default();
        usage.set_quota(quota);
        Self {
            deletions: RecordLog::new(folder.clone(), DELETION_FILE, settings.trash_min_seconds),
            epochs: EpochBook::new(folder.clone()),
            verdicts: VerdictLog::new(folder.clone()),
            folder,
            cluster,
            names,
            store: Mutex::default(),
            changing: tokio::sync::RwLock::default(),
            day: Mutex::default(),
            free_floor: settings.free_floor_bytes,
            share: Share::new(settings.requests_max),
            usage,
        }
    }

    /// Whose it is.
    pub(super) fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Gateways call the node by this name from now on, and know it in this generation or a later one.
    ///
    /// # Errors
    /// [`FailureCode::WrongBackend`] if the store that is there has another name.
    pub(super) async fn attach(&self, backend: &str, generation: u64) -> Result<(), Failure> {
        loop {
            let known = self.named().clone();
            let displaced = match known {
                Some(known) if known.name == backend => {
                    known.store.require_generation(generation);
                    return Ok(());
                }
                // While the disk of a store that was proven is away, nobody else gets its place: what lies there then is not the disk.
                Some(known) if known.is_proven || known.store.verify().await.is_ok() => {
                    let reason = format!("this node is backend {:?} of the cluster, not {backend:?}", known.name);
                    return Err(Failure::new(FailureCode::WrongBackend, reason));
                }
                // After a restart: what was formatted may be on a disk that is away.
                None if self.names.get(&self.cluster).is_some_and(|name| name != backend) => {
                    let name = self.names.get(&self.cluster).unwrap_or_default();
                    let reason = format!(
                        "this node is backend {name:?} of the cluster, not {backend:?}; if that one is given up for good, its operator \
                         stops the node and removes the cluster from {STORES_FILE}"
                    );
                    return Err(Failure::new(FailureCode::WrongBackend, reason));
                }
                // A name with which nothing was formatted, a mistyped one perhaps, makes place for another.
                known => known.map(|known| known.name),
            };
            let marker = Marker::new(self.cluster, backend);
            let store = DirectoryStore::new(self.folder.join(SLIVERS), marker, self.free_floor);
            let mut named = self.named();
            // Somebody else may have come first, or the one that is displaced may have been proven.
            let unchanged = named.as_ref().map(|named| &named.name) == displaced.as_ref();
            if unchanged && !named.as_ref().is_some_and(|named| named.is_proven) {
                *named = Some(NamedStore { name: backend.to_owned(), store, is_proven: false });
            }
        }
    }

    /// The store by the name of a session.
    ///
    /// # Errors
    /// [`FailureCode::WrongBackend`] if the store has another name by now.
    pub(super) fn store(&self, backend: &str) -> Result<DirectoryStore, Failure> {
        let named = self.named();
        let found = named.as_ref().filter(|named| named.name == backend).map(|named| named.store.clone());
        let reason = "the node is called by another name now";
        found.ok_or_else(|| Failure::new(FailureCode::WrongBackend, reason))
    }

    /// The store by this name has served a request. The first time its name is kept, durably.
    ///
    /// # Errors
    /// The name cannot be kept.
    pub(super) async fn prove(&self, backend: &str) -> Result<(), StoreError> {
        let is_first = {
            let mut named = self.named();
            let first = named.as_mut().filter(|named| named.name == backend && !named.is_proven);
            first.map(|named| named.is_proven = true).is_some()
        };
        if is_first && self.names.get(&self.cluster).as_deref() != Some(backend) {
            let (names, cluster, backend) = (self.names.clone(), self.cluster, backend.to_owned());
            let kept = tokio::task::spawn_blocking(move || names.set(&cluster, &backend)).await;
            kept.map_err(StoreError::unavailable)?
                .map_err(|error| StoreError::unavailable(format!("{STORES_FILE} cannot be written: {error}")))?;
        }
        Ok(())
    }

    fn named(&self) -> MutexGuard<'_, Option<NamedStore>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of the store, counted if they are not known.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) async fn used(&self, store: &DirectoryStore) -> Result<UsedBytes, StoreError> {
        if let Some(used) = self.usage.get() {
            return Ok(used);
        }
        let _alone = self.changing.write().await;
        if let Some(used) = self.usage.get() {
            return Ok(used);
        }
        let live = store.list().try_fold(0, async |sum, entry| Ok(sum + entry.len)).await?;
        let trash = store.trash_bytes().await?;
        self.usage.set(live, trash);
        tracing::info!(cluster = %hex::encode(self.cluster.0), live, trash, "counted what the cluster uses");
        self.usage.get().ok_or_else(|| StoreError::unavailable("the store was replaced while it was counted"))
    }

    /// Changes what the store holds, and its numbers with it, apart from any counting. After an error that leaves open what
    /// became of the change, and when the store turns out to be another one, the bytes are counted again.
    ///
    /// # Errors
    /// Those of the change.
    pub(super) async fn change<T>(&self, change: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let _shared = self.changing.read().await;
        let changed = change.await;
        if let Err(error) = &changed {
            self.note(error);
        }
        changed
    }

    /// After an error of the store.
    pub(super) fn note(&self, error: &StoreError) {
        if !matches!(error, StoreError::AlreadyExists | StoreError::NotFound | StoreError::Full) {
            self.usage.forget();
        }
    }

    /// Charges bytes to the day's allowance.
    ///
    /// # Errors
    /// [`FailureCode::Busy`] once it is used up.
    pub(super) fn charge(&self, bytes: u64, day_bytes_max: Option<u64>) -> Result<(), Failure> {
        let Some(allowed) = day_bytes_max else { return Ok(()) };
        let mut day = self.today();
        let used = day.1.saturating_add(bytes);
        if used > allowed {
            return Err(Failure::new(FailureCode::Busy, "the cluster's bytes of this day are used up"));
        }
        day.1 = used;
        Ok(())
    }

    /// What is left of the day's allowance, where there is one.
    pub(super) fn day_bytes_left(&self, day_bytes_max: Option<u64>) -> Option<u64> {
        day_bytes_max.map(|allowed| allowed.saturating_sub(self.today().1))
    }

    /// The day, and what was charged to it.
    fn today(&self) -> MutexGuard<'_, (u64, u64)> {
        let today = now_seconds() / DAY_SECONDS;
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        if day.0 != today {
            *day = (today, 0);
        }
        day
    }
}
