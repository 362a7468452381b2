//! What outlives the gateways of a simulation: disks, the file of the database and the clock.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use tempfile::TempDir;

use crate::clock::Ambient;
use crate::domain::{BackendId, CanonicalId};
use crate::metadata::{AddUser, Cluster, CreateBucket, MetadataStore, NewBucket};
use crate::tests::simulation::disk::Disk;
use crate::tests::simulation::gates::Gates;
use crate::tests::simulation::gateway::CLUSTER;

/// Disks, each of a provider of its own.
pub(super) const DISKS: usize = 9;

/// So many belong to the cluster from the beginning; the others are spares.
pub(super) const MEMBERS: usize = 7;

/// The buckets: one that was never versioned, one that keeps its versions.
pub(super) const BUCKETS: [&str; 2] = ["plain", "versioned"];

/// When a simulation begins, in microseconds since the Unix epoch.
const BEGINNING: i64 = 1_800_000_000_000_000;

/// What outlives the gateways.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) gates: Gates,
    pub(super) disks: Vec<Disk>,
    /// The database's clock, in microseconds since the Unix epoch.
    pub(super) clock: Arc<AtomicI64>,
    folder: TempDir,
    /// Databases that were lost.
    lost: usize,
}

impl World {
    /// Empty disks, and a database with a user and two buckets.
    pub(super) fn new(seed: u64) -> Self {
        let clock = Arc::new(AtomicI64::new(BEGINNING));
        let disks = (0..DISKS).map(|_| Disk::new(&clock)).collect();
        let world = Self { seed, gates: Gates::default(), disks, clock, folder: folder(), lost: 0 };
        std::fs::write(world.file(), &template().filled).unwrap();
        world
    }

    pub(super) fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(format!("metadata-{}.sqlite", self.lost))
    }

    /// From now on the database is another one, with nothing in it.
    pub(super) fn lose_database(&mut self) {
        self.lost += 1;
        std::fs::write(self.file(), &template().empty).unwrap();
    }

    pub(super) fn pass_time(&self, milliseconds: u64) {
        self.clock.fetch_add(i64::try_from(milliseconds).unwrap() * 1_000, Ordering::SeqCst);
    }
}

/// Where files need no disk, if there is such a place: each commit waits for its file to be synced.
fn folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Databases that were made and migrated once for all simulations of this process.
struct Template {
    empty: Vec<u8>,
    /// With a user and the buckets.
    filled: Vec<u8>,
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let make = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(make_template())
        };
        // A thread of its own is no part of a simulation.
        std::thread::spawn(make).join().unwrap()
    })
}

async fn make_template() -> Template {
    let folder = folder();
    let file = folder.path().join("template.sqlite");
    let url = format!("sqlite:{}", file.display());
    let open = || MetadataStore::open(&url, Ambient::system());
    open().await.unwrap().close().await;
    let empty = std::fs::read(&file).unwrap();
    let store = open().await.unwrap();
    // What a confirmed database has forgotten stands there.
    store.create_cluster(Cluster { id: CLUSTER, key_id: 1, key_check: [0; 16] }).await.unwrap();
    let AddUser::Added(user) = store.add_user("ann", &CanonicalId("a".repeat(64)), false).await.unwrap() else {
        panic!("the first user")
    };
    for name in BUCKETS {
        let made = store.create_bucket(NewBucket::new(user.id, name.parse().unwrap(), "")).await.unwrap();
        let CreateBucket::Created(bucket) = made else { panic!("a new bucket") };
        if name == "versioned" {
            store.set_versioning(&bucket, true).await.unwrap();
        }
    }
    store.close().await;
    Template { empty, filled: std::fs::read(&file).unwrap() }
}

/// The name of a disk.
pub(super) fn disk_id(disk: usize) -> BackendId {
    format!("disk-{disk}").parse().unwrap()
}
