//! A database with a user, a bucket and an incarnation, and short helpers for the scenarios.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use codec::{BlobId, BlobLayout, Root, Scheme, StripeShape, WrappedKey};
use tempfile::TempDir;

use crate::clock::{Ambient, Entropy, SystemEntropy, random};
use crate::domain::{
    BucketId, CanonicalId, ETag, Extent, ObjectAttributes, ObjectKey, Placement, StoredBlob, Timestamp, UserId,
    Version, VersionId, VersionLock, WriteCondition,
};
use crate::metadata::MetadataStore;
use crate::metadata::buckets::bucket::{CreateBucket, NewBucket};
use crate::metadata::commit::{Batch, Change, DeleteChange, NewBlob, Outcome, PutChange};
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::MetadataError;
use crate::metadata::identity::users::AddUser;
use crate::metadata::tests::{journal, server};

/// Runs each scenario twice: on SQLite and on PostgreSQL. Afterwards the rows must agree with each other.
macro_rules! both {
    ($($(#[$attribute:meta])* async fn $name:ident($fixture:ident: &Fixture) $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            async fn scenario($fixture: &Fixture) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let fixture = Fixture::sqlite().await;
                scenario(&fixture).await;
                fixture.agrees_with_itself().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let fixture = Fixture::postgres().await;
                scenario(&fixture).await;
                fixture.agrees_with_itself().await;
            }
        }
    )*};
}
pub(super) use both;

pub(super) struct Fixture {
    pub store: MetadataStore,
    pub url: String,
    pub owner: UserId,
    pub bucket: BucketId,
    pub incarnation: u32,
    numbers: AtomicU64,
    /// The store a scenario has opened instead, to be checked at its end.
    instead: OnceLock<MetadataStore>,
    folder: Option<TempDir>,
}

impl Fixture {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("meta.db").display());
        Self::open(url, Some(folder)).await
    }

    pub async fn postgres() -> Self {
        Self::at(server::new_migrated_database().await).await
    }

    /// On a PostgreSQL database.
    pub async fn at(url: String) -> Self {
        Self::open(url, None).await
    }

    async fn open(url: String, folder: Option<TempDir>) -> Self {
        let store = MetadataStore::open(&url, Ambient::system()).await.unwrap();
        let AddUser::Added(user) = store.add_user("anna", &CanonicalId("a".repeat(64)), false).await.unwrap() else {
            panic!("the first user");
        };
        let incarnation = store.begin_incarnation("gateway", 60).await.unwrap();
        let made = store.create_bucket(NewBucket::new(user.id, "first-bucket".parse().unwrap(), "")).await.unwrap();
        let CreateBucket::Created(bucket) = made else { panic!("the first bucket") };
        let (owner, bucket) = (user.id, bucket.id);
        Self { store, url, owner, bucket, incarnation, numbers: AtomicU64::new(1), instead: OnceLock::new(), folder }
    }

    /// A second gateway on the same database; PostgreSQL only.
    pub async fn other_gateway(&self) -> MetadataStore {
        MetadataStore::open(&self.url, Ambient::system()).await.unwrap()
    }

    /// Another gateway where there can be one.
    pub async fn other_gateway_or_self(&self) -> MetadataStore {
        if self.url.starts_with("sqlite:") { self.store.clone() } else { self.other_gateway().await }
    }

    /// The scenario has closed the store and opened this one.
    pub fn reopened(&self, store: MetadataStore) {
        assert!(self.instead.set(store).is_ok());
    }

    pub async fn agrees_with_itself(&self) {
        let store = self.instead.get().unwrap_or(&self.store);
        assert_eq!(store.audit_counters().await.unwrap(), Vec::<String>::new());
        // What was opened instead may be another database, whose file is gone. On SQLite the triggers follow from the schema, so that the tests of
        // the journal are enough.
        if self.instead.get().is_none() && store.is_shared() {
            journal::can_be_rebuilt(store).await;
        }
    }

    /// Lets the store go and keeps its files.
    pub fn into_folder(self) -> Option<TempDir> {
        self.folder
    }

    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A sealed blob of six slivers that no row knows.
    pub fn blob(&self, content_len: u64, quilt: bool) -> NewBlob {
        self.blob_of("rs-4-2", content_len, quilt)
    }

    /// The same under another scheme.
    pub fn blob_of(&self, scheme: &str, content_len: u64, quilt: bool) -> NewBlob {
        let id = BlobId::new(self.incarnation, random(&SystemEntropy as &dyn Entropy));
        let scheme: Scheme = scheme.parse().unwrap();
        let shape = if quilt { StripeShape::quilt(scheme) } else { StripeShape::streaming(scheme) };
        let placements = (0..u8::try_from(scheme.n()).unwrap()).map(|index| Placement {
            index,
            backend: format!("b{index}").parse().unwrap(),
            attempt: u32::from(index) + 7,
            root: Root(random(&SystemEntropy as &dyn Entropy)),
        });
        let blob = StoredBlob {
            id,
            layout: BlobLayout { shape, content_len, catalog_len: 100 },
            wrapped_key: WrappedKey([id.0[4]; 64]),
            rewrapped_key: None,
            placements: placements.collect(),
        };
        NewBlob { blob, degraded: false, quilt }
    }

    /// A version of these extents, with a tag of its own.
    pub fn version(&self, name: &str, extents: Vec<Extent>) -> Version {
        let mut md5 = [0; 16];
        md5[..8].copy_from_slice(&self.number().to_be_bytes());
        Version {
            id: VersionId(random(&SystemEntropy as &dyn Entropy)),
            key: key(name),
            size: extents.iter().map(|extent| extent.length).sum(),
            etag: ETag { md5, parts: None },
            modified_at: Timestamp(1_700_000_000_000_000),
            attributes: ObjectAttributes::default(),
            null: true,
            lock: VersionLock::NONE,
            checksum: None,
            extents,
        }
    }

    pub fn put_change(&self, version: Version) -> PutChange {
        PutChange {
            bucket: self.bucket,
            version,
            parts: Vec::new(),
            condition: WriteCondition::None,
            source: None,
            events: Vec::new(),
        }
    }

    /// Writes a key of `size` bytes in a blob of its own; the version.
    pub async fn put(&self, name: &str, size: u64) -> Version {
        let (outcome, version) = self.put_if(name, size, WriteCondition::None).await;
        assert_eq!(outcome, Outcome::STORED);
        version
    }

    pub async fn put_if(&self, name: &str, size: u64, condition: WriteCondition) -> (Outcome, Version) {
        let blob = self.blob(size, false);
        let version = self.version(name, whole(&blob));
        let put = PutChange { condition, ..self.put_change(version.clone()) };
        let outcomes = self.commit(Batch { blobs: vec![blob], changes: vec![Change::Put(put)] }).await.unwrap();
        (outcomes[0], version)
    }

    /// Writes empty objects, which need no blob.
    pub async fn put_empty(&self, names: &[&str]) {
        self.put_empty_into(self.bucket, names).await;
    }

    pub async fn put_empty_into(&self, bucket: BucketId, names: &[&str]) {
        let put = |name: &&str| PutChange { bucket, ..self.put_change(self.version(name, Vec::new())) };
        let changes = names.iter().map(put).map(Change::Put);
        let outcomes = self.commit(Batch { blobs: Vec::new(), changes: changes.collect() }).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::STORED));
    }

    pub async fn delete(&self, name: &str) -> Outcome {
        self.delete_if(name, WriteCondition::None).await
    }

    pub async fn delete_if(&self, name: &str, condition: WriteCondition) -> Outcome {
        let delete = Change::Delete(DeleteChange { condition, ..DeleteChange::current(self.bucket, key(name)) });
        self.commit(Batch { blobs: Vec::new(), changes: vec![delete] }).await.unwrap()[0]
    }

    pub async fn commit(&self, batch: Batch) -> Result<Vec<Outcome>, MetadataError> {
        self.store.commit(self.incarnation, batch).await
    }

    pub async fn current(&self, name: &str) -> Option<Version> {
        self.store.current(self.bucket, &key(name)).await.unwrap().map(|version| (*version).clone())
    }

    /// The one number a SELECT answers.
    pub async fn one_int(&self, text: impl Into<Cow<'static, str>>) -> i64 {
        self.store.database().row(Statement::new(text)).await.unwrap().unwrap().int(0).unwrap()
    }

    /// Runs a statement behind the store's back.
    pub async fn meddle(&self, text: impl Into<Cow<'static, str>>) {
        let mut tx = self.store.database().begin(&random(&SystemEntropy as &dyn Entropy)).await.unwrap();
        tx.execute(Statement::new(text)).await.unwrap();
        tx.command("COMMIT").await.unwrap();
    }

    /// The blobs that would be deleted now if there were no grace.
    pub async fn dead(&self) -> Vec<BlobId> {
        let rows = self.store.database().rows(Statement::new("SELECT blob_id FROM reclaim"));
        let mut dead: Vec<_> = rows.await.unwrap().iter().map(|row| BlobId(row.array(0).unwrap())).collect();
        dead.sort_unstable();
        dead
    }
}

pub(super) fn key(name: &str) -> ObjectKey {
    ObjectKey::new(name.as_bytes().to_vec()).unwrap()
}

/// The extent of a whole blob; none for an empty one.
pub(super) fn whole(blob: &NewBlob) -> Vec<Extent> {
    let length = blob.blob.layout.content_len;
    if length == 0 { Vec::new() } else { vec![Extent { blob: blob.blob.id, offset: 0, length }] }
}
