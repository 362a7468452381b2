//! What requests and the committer both use: the database and the caches in front of it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use crate::clock::Ambient;
use crate::metadata::blobs::blob_cache::{self, BlobCache};
use crate::metadata::buckets::bucket_cache::{self, BucketCache};
use crate::metadata::engine::database::{Database, Pools};
use crate::metadata::engine::simulated;
use crate::metadata::objects::version_cache::{self, VersionCache};

/// The default grace of dead blobs: longer than any GET lasts.
const GRACE_SECONDS: i64 = 3_600;

/// What requests and the committer both use.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) ambient: Ambient,
    /// Current versions; only where this process is the one writer.
    pub(super) versions: Option<VersionCache>,
    pub(super) buckets: BucketCache,
    pub(super) blobs: BlobCache,
    pub(super) grace_seconds: AtomicI64,
    /// How often somebody's rights were changed.
    pub(super) identity_changes: AtomicU64,
    /// Backends have recorded a later segment of the journal than the database knows: it was restored, or lost its last commits.
    pub(super) is_behind_journal: AtomicBool,
    pub(super) closing: CancellationToken,
}

impl Shared {
    /// With empty caches, in front of a database that is open.
    pub(super) fn new(pools: Pools, ambient: Ambient) -> Self {
        let alone = matches!(pools, Pools::Sqlite { .. }) && !simulated::is_known_to_be_shared();
        Self {
            database: Database::new(pools, ambient.clone()),
            ambient,
            versions: alone.then(version_cache::cache),
            buckets: bucket_cache::cache(alone),
            blobs: blob_cache::cache(alone),
            grace_seconds: AtomicI64::new(GRACE_SECONDS),
            identity_changes: AtomicU64::new(0),
            is_behind_journal: AtomicBool::new(false),
            closing: CancellationToken::new(),
        }
    }

    pub(super) fn grace_seconds(&self) -> i64 {
        self.grace_seconds.load(Ordering::Relaxed)
    }
}
