//! How many orphans a scan may collect: what looks like more is left alone, on both databases.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backends::{
    Answer, Challenge, EpochNonce, Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space, StoreError,
    VerdictReport,
};
use bytes::{Bytes, BytesMut};
use codec::BlobId;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use crate::clock::Ambient;
use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::objects::committee::Backend;
use crate::objects::maintenance::orphans::OrphanReport;
use crate::objects::settings::ObjectsSettings;
use crate::objects::tests::fixture;

/// A backend that lists slivers which it does not hold, and records which of them were trashed.
#[derive(Debug)]
struct Listed {
    slivers: u64,
    /// The first so many were written by the dead incarnation, the others by the live one.
    dead: u64,
    incarnations: (u32, u32),
    trashed: Mutex<BTreeSet<SliverName>>,
}

impl Listed {
    fn name(&self, number: u64) -> SliverName {
        let (dead, live) = self.incarnations;
        let mut random = [0; 12];
        random[..8].copy_from_slice(&number.to_be_bytes());
        let blob = BlobId::new(if number < self.dead { dead } else { live }, random);
        SliverName { blob, index: 0, attempt: 0 }
    }
}

fn unexpected<T>() -> Result<T, StoreError> {
    Err(StoreError::Damaged { reason: "a scan for orphans lists and trashes only".to_owned() })
}

#[async_trait]
impl SliverStore for Listed {
    async fn create(&self, _: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        unexpected()
    }

    async fn put(&self, _: &SliverName, _: Vec<Bytes>) -> Result<(), StoreError> {
        unexpected()
    }

    async fn read(&self, _: &SliverName, _: Range<u64>) -> Result<BytesMut, StoreError> {
        unexpected()
    }

    async fn len(&self, _: &SliverName) -> Result<u64, StoreError> {
        unexpected()
    }

    async fn prove(&self, _: &SliverName, _: &Challenge) -> Result<Answer, StoreError> {
        unexpected()
    }

    async fn delete(&self, _: &SliverName) -> Result<(), StoreError> {
        unexpected()
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        assert!(self.trashed.lock().expect("no panic").insert(*name), "{name} was trashed twice");
        Ok(())
    }

    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        stream::iter(0..self.slivers).map(|number| Ok(SliverEntry { name: self.name(number), len: 1 })).boxed()
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        unexpected()
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        unexpected()
    }

    async fn beat(&self, _: Bytes) -> Result<(), StoreError> {
        unexpected()
    }

    fn require_generation(&self, _: u64) {}

    async fn begin_epoch(&self, _: u64, _: [u8; 32]) -> Result<Option<EpochNonce>, StoreError> {
        unexpected()
    }

    async fn reveal_epoch(&self, _: u64, _: [u8; 32]) -> Result<(), StoreError> {
        unexpected()
    }

    async fn report_verdicts(&self, _: &[VerdictReport]) -> Result<(), StoreError> {
        unexpected()
    }

    async fn sweep(&self, _: u64) -> Result<u64, StoreError> {
        unexpected()
    }
}

/// Scans a backend of so many slivers, `orphans` of them of a dead incarnation and in no row; the report, and how many
/// of the orphans were trashed.
async fn scan(metadata: &MetadataStore, slivers: u64, orphans: u64, confirmed: u64) -> (OrphanReport, u64) {
    let dead = metadata.begin_incarnation("dead", 600).await.expect("an incarnation");
    metadata.end_incarnation(dead).await.expect("ended");
    let live = metadata.begin_incarnation("live", 600).await.expect("an incarnation");
    let listed = Arc::new(Listed { slivers, dead: orphans, incarnations: (dead, live), trashed: Mutex::default() });
    let id = "b0".parse().expect("a name");
    let store: Arc<dyn SliverStore> = Arc::<Listed>::clone(&listed);
    let backend = Backend::new(id, "b0".to_owned(), String::new(), String::new(), store);
    let memory_bytes = ObjectsSettings::default().memory_bytes;
    let scheme = "copy-1".parse().expect("a scheme");
    let objects: Objects = fixture::objects(vec![backend], metadata, scheme, live, memory_bytes);
    let report = objects.collect_orphans(confirmed).await.expect("a database");
    let trashed = listed.trashed.lock().expect("no panic");
    assert!(trashed.iter().all(|name| name.blob.incarnation() == dead), "only orphans go");
    (report, trashed.len() as u64)
}

/// On both sides of each bound: 2,000 orphans, or one sliver in a hundred where that is more.
async fn a_scan_collects_up_to_its_bound_and_nothing_above(metadata: MetadataStore) {
    for (slivers, bound) in [(2_500, 2_000), (200_000, 2_000), (300_000, 3_000)] {
        let (report, trashed) = scan(&metadata, slivers, bound, 0).await;
        let expected = OrphanReport { scanned: slivers, collected: bound, ..OrphanReport::default() };
        assert_eq!((report, trashed), (expected, bound), "at the bound of {slivers}");

        let (report, trashed) = scan(&metadata, slivers, bound + 1, 0).await;
        let refused = report.refused.clone().expect("above the bound");
        assert!(refused.contains(&format!("`haulout collect --orphans {}`", bound + 1)), "{refused}");
        let expected = OrphanReport { scanned: slivers, refused: Some(refused), ..OrphanReport::default() };
        assert_eq!((report, trashed), (expected, 0), "above the bound of {slivers}");

        let (report, trashed) = scan(&metadata, slivers, bound + 1, bound + 1).await;
        let expected = OrphanReport { scanned: slivers, collected: bound + 1, ..OrphanReport::default() };
        assert_eq!((report, trashed), (expected, bound + 1), "confirmed above the bound of {slivers}");
    }
    metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_is_bounded_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("metadata.sqlite").display());
    let metadata = MetadataStore::open(&url, Ambient::system()).await.expect("a database");
    a_scan_collects_up_to_its_bound_and_nothing_above(metadata).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_is_bounded_on_postgres() {
    a_scan_collects_up_to_its_bound_and_nothing_above(MetadataStore::on_new_postgres().await).await;
}
