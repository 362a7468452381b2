//! A small cluster in a temporary folder: directories behind fault injectors, SQLite, a bucket.

use std::sync::Arc;

use backends::{BackendSpec, Expect, Faults, Faulty, SliverStore, open_bare};
use bytes::Bytes;
use codec::{ClusterId, ClusterKey};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::audit::{CheckReport, How, check};
use crate::clock::{Ambient, Entropy as _, SystemEntropy};
use crate::config::ObjectsConfig;
use crate::domain::{BackendId, Bucket, CanonicalId, ObjectAttributes, ObjectKey, WriteCondition};
use crate::metadata::{AddUser, BackendRow, CreateBucket, MetadataStore, NewBucket};
use crate::objects::committee::{Backend, Committee};
use crate::objects::compute::Compute;
use crate::objects::encryption::key_file::KeyFile;
use crate::objects::error::ObjectsError;
use crate::objects::requests::{Delete, Put, Stored};
use crate::objects::settings::ObjectsSettings;
use crate::objects::state::ObjectsParts;
use crate::objects::write::body::{BodyPromise, BytesBody};
use crate::objects::{ObjectReader, Objects};

/// Two keys of a key service.
const KEYS: &str = r#"
default = "one"
[[key]]
name = "one"
versions = { 1 = "0101010101010101010101010101010101010101010101010101010101010101" }
[[key]]
name = "two"
versions = { 1 = "0202020202020202020202020202020202020202020202020202020202020202" }
[[key]]
name = "of others"
versions = { 1 = "0303030303030303030303030303030303030303030303030303030303030303" }
accounts = ["000000000099"]
"#;

const CLUSTER: ClusterId = ClusterId([7; 16]);

/// Everything a scenario needs.
pub(super) struct Fixture {
    pub(super) objects: Objects,
    pub(super) metadata: MetadataStore,
    pub(super) bucket: Arc<Bucket>,
    pub(super) faults: Vec<Faults>,
    pub(super) cluster: ClusterId,
    pub(super) incarnation: u32,
    folder: tempfile::TempDir,
    scheme: codec::Scheme,
    memory_bytes: u64,
}

impl Fixture {
    /// `backends` directories under a scheme; blobs of at most 8 MiB, so that a few stripes make several.
    pub(super) async fn new(scheme: &str, backends: usize) -> Self {
        Self::build(scheme, backends, |_, store| store, ObjectsSettings::default().memory_bytes).await
    }

    /// The same, with each faulty directory behind something else, and other bounds on memory.
    pub(super) async fn build(
        scheme: &str,
        backends: usize,
        guard: impl Fn(&str, Arc<dyn SliverStore>) -> Arc<dyn SliverStore>,
        memory_bytes: u64,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut opened = Vec::new();
        let mut faults = Vec::new();
        for at in 0..backends {
            let name = format!("b{at}");
            let spec = BackendSpec {
                name: name.clone(),
                url: folder.path().join(&name).display().to_string(),
                provider: None,
                zone: None,
                options: std::collections::BTreeMap::new(),
            };
            let store = open_bare(&spec, CLUSTER, folder.path(), Expect::New).await.expect("a directory");
            let fault = Faults::new(at as u64);
            let store = guard(&name, Arc::new(Faulty::new(store, fault.clone())));
            let id: BackendId = name.parse().expect("a name");
            opened.push(Backend::new(id, name, String::new(), String::new(), store));
            faults.push(fault);
        }
        let url = format!("sqlite:{}", folder.path().join("metadata.sqlite").display());
        let metadata = MetadataStore::open(&url, Ambient::system()).await.expect("a database");
        metadata.set_grace_seconds(0);
        let incarnation = metadata.begin_incarnation("test", 600).await.expect("an incarnation");
        let AddUser::Added(user) = metadata.add_user("ann", &CanonicalId("a".repeat(64)), false).await.expect("added")
        else {
            panic!("the first user")
        };
        let name = "bucket".parse().expect("a bucket name");
        let CreateBucket::Created(bucket) =
            metadata.create_bucket(NewBucket::new(user.id, name, "")).await.expect("a bucket")
        else {
            panic!("the first bucket")
        };
        let scheme = scheme.parse().expect("a scheme");
        let objects = objects(opened, &metadata, scheme, incarnation, memory_bytes);
        Self { objects, metadata, bucket, faults, cluster: CLUSTER, incarnation, folder, scheme, memory_bytes }
    }

    /// Another gateway's use cases on the same rows and slivers: nothing is remembered of either.
    pub(super) fn another(&self) -> Objects {
        self.on(&self.metadata, self.incarnation)
    }

    /// A gateway on other rows, with these backends.
    pub(super) fn on(&self, metadata: &MetadataStore, incarnation: u32) -> Objects {
        let again = |backend: &Arc<Backend>| {
            let (id, provider) = (backend.id.clone(), backend.provider.clone());
            Backend::new(id, provider, String::new(), String::new(), Arc::clone(&backend.store))
        };
        let opened = self.objects.committee().backends().iter().map(again).collect();
        objects(opened, metadata, self.scheme, incarnation, self.memory_bytes)
    }

    /// The slivers on one backend, as files.
    pub(super) fn files_of(&self, backend: usize) -> Vec<std::path::PathBuf> {
        let folder = self.folder.path().join(format!("b{backend}"));
        let sliver = |path: &std::path::PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.parse::<backends::SliverName>().is_ok()
        };
        self.files().into_iter().filter(|path| path.starts_with(&folder) && sliver(path)).collect()
    }

    pub(super) async fn put(&self, key: &str, content: &Bytes) -> Result<Stored, ObjectsError> {
        self.put_if(key, content, WriteCondition::None).await
    }

    pub(super) async fn put_if(
        &self,
        key: &str,
        content: &Bytes,
        condition: WriteCondition,
    ) -> Result<Stored, ObjectsError> {
        let put = Put {
            origin: None,
            bucket: Arc::clone(&self.bucket),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            lock: crate::domain::VersionLock::NONE,
            condition,
            promise: BodyPromise { length: Some(content.len() as u64), ..BodyPromise::default() },
            cipher: None,
        };
        self.objects.put(put, Box::new(BytesBody::new(content.clone()))).await
    }

    pub(super) async fn get(&self, key: &str) -> Result<Vec<u8>, ObjectsError> {
        self.get_range(key, 0..u64::MAX).await
    }

    pub(super) async fn get_range(&self, key: &str, range: std::ops::Range<u64>) -> Result<Vec<u8>, ObjectsError> {
        self.get_range_through(&self.objects, key, range).await
    }

    pub(super) async fn open(&self, key: &str, range: std::ops::Range<u64>) -> Result<ObjectReader, ObjectsError> {
        let version = self.objects.current(&self.bucket, &object_key(key)).await?.ok_or(ObjectsError::NoSuchKey)?;
        self.objects.read(version, range).await
    }

    pub(super) async fn get_range_through(
        &self,
        objects: &Objects,
        key: &str,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<u8>, ObjectsError> {
        let version = objects.current(&self.bucket, &object_key(key)).await?.ok_or(ObjectsError::NoSuchKey)?;
        let range = range.start..range.end.min(version.size);
        let reader = objects.read(version, range).await?;
        let frames: Vec<Bytes> = reader.try_collect().await?;
        Ok(frames.concat())
    }

    pub(super) async fn delete(&self, key: &str) -> Result<bool, ObjectsError> {
        let bucket = Arc::clone(&self.bucket);
        let delete = Delete {
            origin: None,
            bucket,
            key: object_key(key),
            selector: crate::domain::VersionSelector::Current,
            condition: WriteCondition::None,
            bypass: false,
        };
        self.objects.delete(vec![delete]).await.remove(0).map(|deleted| deleted.existed)
    }

    /// Reclaims and compacts until there is no more to do.
    pub(super) async fn collect(&self) {
        while self.reclaim().await + self.objects.compact().await.expect("compacted") > 0 {}
    }

    /// Reclaims, as if the journal had everything: tests that count slivers want none of its.
    pub(super) async fn reclaim(&self) -> usize {
        self.metadata.meddle("DELETE FROM journal_outbox").await;
        self.objects.reclaim().await.expect("reclaimed")
    }

    pub(super) async fn check(&self) -> CheckReport {
        check(&self.metadata, &self.objects.committee().stores(), self.cluster, How { deep: true, repair: false })
            .await
            .expect("a database")
    }

    /// Every file of the database and the backends.
    pub(super) fn files(&self) -> Vec<std::path::PathBuf> {
        let mut folders = vec![self.folder.path().to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let list = if entry.path().is_dir() { &mut folders } else { &mut files };
                list.push(entry.path());
            }
        }
        files
    }

    /// The database knows the backends, as a start makes it.
    pub(super) async fn record_backends(&self) {
        for backend in self.objects.committee().backends() {
            let (id, url) = (backend.id.clone(), String::new());
            let row = BackendRow { id, url, provider: String::new(), zone: String::new(), formatted: true };
            self.metadata.record_backend(row).await.expect("recorded");
        }
    }

    /// Deletes replaced slivers, as if the journal had everything.
    pub(super) async fn discard(&self) -> usize {
        self.metadata.meddle("DELETE FROM journal_outbox").await;
        self.objects.discard().await.expect("discarded")
    }

    /// Looks for orphans and collects them, as if the journal had everything.
    pub(super) async fn collect_orphans(&self) -> crate::objects::OrphanReport {
        self.metadata.meddle("DELETE FROM journal_outbox").await;
        self.objects.collect_orphans(0).await.expect("scanned")
    }

    /// Slivers on all backends together.
    pub(super) async fn slivers(&self) -> usize {
        let mut count = 0;
        for backend in self.objects.committee().backends() {
            count += backend.store.list().filter(|entry| std::future::ready(entry.is_ok())).count().await;
        }
        count
    }
}

pub(super) fn objects(
    opened: Vec<Backend>,
    metadata: &MetadataStore,
    scheme: codec::Scheme,
    incarnation: u32,
    memory_bytes: u64,
) -> Objects {
    Objects::new(ObjectsParts {
        metadata: metadata.clone(),
        committee: Committee::new(opened),
        scheme,
        classes: [("STANDARD_IA".to_owned(), "rs-2-1".parse().expect("a scheme"))].into(),
        cluster: CLUSTER,
        key: ClusterKey::new(1, [9; 32]),
        incarnation,
        ambient: Ambient::system(),
        compute: Compute::new(2),
        key_provider: Arc::new(KeyFile::parse(KEYS, Ambient::system()).expect("keys")),
        settings: ObjectsSettings {
            objects: ObjectsConfig { blob_bytes_max: 8 << 20, ..ObjectsConfig::default() },
            memory_bytes,
            ..ObjectsSettings::default()
        },
    })
}

pub(super) fn object_key(key: &str) -> ObjectKey {
    ObjectKey::new(key.to_owned()).expect("a key")
}

/// Incompressible content.
pub(super) fn content(bytes: usize) -> Bytes {
    let mut content = vec![0; bytes];
    SystemEntropy.fill(&mut content);
    content.into()
}
