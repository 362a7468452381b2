//! All SQL of the gateway: one room, one file for each aggregate, one text for SQLite and PostgreSQL wherever possible.

mod backends;
mod blobs;
mod buckets;
mod check;
mod cluster;
mod commit;
mod compact;
mod complete;
mod error;
mod incarnations;
mod list;
mod reclaim;
mod uploads;
mod usage;
mod users;
mod versions;

pub use backends::BackendRow;
pub use buckets::{CreateBucket, DeleteBucket};
pub use check::{ExpectedSliver, Finding};
pub use cluster::Cluster;
pub use commit::{Batch, Change, DeleteChange, NewBlob, Outcome, PartChange, PutChange, Refusal};
pub use compact::{ExtentMove, ExtentOwner, OwnedExtent, SparseQuilt};
pub use complete::{CompleteChange, CompleteOutcome, CompletedUpload};
pub use error::{MetadataError, Result};
pub use incarnations::IncarnationState;
pub use list::{ListEntry, ListPage, ListQuery, ListedObject};
pub use uploads::{AbortUpload, CreateUpload, UploadEntry, UploadListQuery, UploadPage};
pub use usage::UsageRow;
pub use users::{AddAccessKey, AddUser, RemoveUser};

use crate::clock::Ambient;

/// The metadata of a cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MetadataStore;

impl MetadataStore {
    /// Opens `sqlite:PATH` or `postgres://...`, migrates the schema and checks that the settings are durable. A
    /// missing SQLite file is created when its directory exists; a PostgreSQL database is never created.
    ///
    /// # Errors
    /// Says what to do about it, see [`MetadataError`].
    pub async fn open(url: &str, ambient: Ambient) -> Result<Self> {
        todo!()
    }

    /// Finishes what is under way and closes all connections. Later calls fail.
    pub async fn close(&self) {
        todo!()
    }
}
