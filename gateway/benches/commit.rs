//! What the metadata costs on SQLite: groups of PUTs and DELETEs, reads with and without the cache, lists.
//!
//! `cargo bench -p haulout-gateway --bench commit`, in the directory `HAULOUT_BENCH_DIR` (default `/dev/shm`, so that the
//! figures are CPU and not disk). Each row gives wall time and CPU time of the whole process for one operation.

mod quilt;

use std::path::PathBuf;
use std::time::Instant;

use gateway::clock::Ambient;
use gateway::domain::{BucketId, CanonicalId, ObjectKey, Timestamp, VersionId, VersionSelector, WriteCondition};
use gateway::metadata::{
    AddUser, Batch, Change, CreateBucket, DeleteChange, ListQuery, MetadataStore, NewBucket, NewMarker,
};

const GROUP: u64 = 32;
const OBJECT_BYTES: u64 = 4_096;
const OBJECTS: u64 = 100_000;

struct Bench {
    store: MetadataStore,
    ambient: Ambient,
    bucket: BucketId,
    incarnation: u32,
}

impl Bench {
    /// A quilt of objects with these numbers.
    fn puts(&self, numbers: std::ops::Range<u64>) -> Batch {
        let objects = (numbers.start..numbers.end).map(|number| (self.bucket, key(name(number))));
        let backend = |_, index| format!("d{index}").parse().expect("a name");
        let objects: Vec<_> = objects.collect();
        quilt::puts(&self.ambient, self.incarnation, objects.into_iter(), OBJECT_BYTES, backend)
    }

    fn deletes(&self, names: impl Iterator<Item = String>) -> Vec<Batch> {
        let delete = |name| DeleteChange {
            bucket: self.bucket,
            key: key(name),
            selector: VersionSelector::Current,
            condition: WriteCondition::None,
            bypass: false,
            only: None,
            events: Vec::new(),
            marker: NewMarker { id: VersionId([0; 16]), modified_at: Timestamp(0) },
        };
        names.map(|name| Batch { blobs: Vec::new(), changes: vec![Change::Delete(delete(name))] }).collect()
    }

    async fn commit(&self, batch: Batch) {
        self.store.commit(self.incarnation, batch).await.expect("committed");
    }
}

fn key(name: String) -> ObjectKey {
    ObjectKey::new(name).expect("a key")
}

/// Names as uploaders choose them: the order of arrival is not the order of keys.
fn name(number: u64) -> String {
    format!("objects/{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Seconds of CPU this process has used, in user and kernel.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
    let ticks: f64 = fields.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().expect("a number")).sum();
    ticks / 100.0
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a resident size");
    line.split_whitespace().nth(1).and_then(|field| field.parse().ok()).expect("a number")
}

/// Runs `operations` of something and prints what one costs.
async fn measure(what: &str, operations: u32, run: impl AsyncFnOnce(u32)) {
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    run(operations).await;
    let per = |seconds: f64| seconds * 1e6 / f64::from(operations);
    let (wall, cpu) = (per(wall.elapsed().as_secs_f64()), per(cpu_seconds() - cpu));
    println!("{what:44} {wall:9.1} us wall {cpu:9.1} us CPU {:7} KiB resident", resident_kib());
}

fn main() {
    let directory = std::env::var_os("HAULOUT_BENCH_DIR").map_or_else(|| PathBuf::from("/dev/shm"), PathBuf::from);
    let folder = tempfile::tempdir_in(directory).expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("meta.db").display());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(run(&url));
}

async fn run(url: &str) {
    let ambient = Ambient::system();
    let store = MetadataStore::open(url, ambient.clone()).await.expect("opens");
    let AddUser::Added(user) = store.add_user("bench", &CanonicalId("b".repeat(64)), true).await.expect("added") else {
        return;
    };
    let made = store.create_bucket(NewBucket::new(user.id, "bench".parse().expect("a name"), "")).await.expect("made");
    let CreateBucket::Created(bucket) = made else { return };
    let incarnation = store.begin_incarnation("bench", 3_600).await.expect("begun");
    let bench = Bench { store, ambient: ambient.clone(), bucket: bucket.id, incarnation };
    println!("{} KiB resident at the start", resident_kib());

    writes(&bench).await;
    let Bench { store, bucket, .. } = bench;
    store.close().await;
    drop(store);
    let store = MetadataStore::open(url, ambient).await.expect("opens again");
    reads(&store, bucket).await;
    store.close().await;
}

async fn writes(bench: &Bench) {
    let groups = u32::try_from(OBJECTS / GROUP).expect("few");
    measure("32 PUTs of one quilt, one transaction", groups, async |groups| {
        for group in 0..u64::from(groups) {
            bench.commit(bench.puts(group * GROUP..(group + 1) * GROUP)).await;
        }
    })
    .await;
    measure("32 PUTs over existing keys", 500, async |groups| {
        for group in 0..u64::from(groups) {
            bench.commit(bench.puts(group * GROUP..(group + 1) * GROUP)).await;
        }
    })
    .await;
    measure("32 DELETEs that arrive together", 500, async |groups| {
        for group in 1_000..1_000 + u64::from(groups) {
            let deletes = bench.deletes((group * GROUP..(group + 1) * GROUP).map(name));
            futures::future::join_all(deletes.into_iter().map(|batch| bench.commit(batch))).await;
        }
    })
    .await;
    measure("one PUT, one transaction", 2_000, async |puts| {
        for put in 0..u64::from(puts) {
            bench.commit(bench.puts(OBJECTS + put..OBJECTS + put + 1)).await;
        }
    })
    .await;
}

async fn reads(store: &MetadataStore, bucket: BucketId) {
    let keys: Vec<_> = (0..20_000).map(|number| key(name(number))).collect();
    for what in ["current version, from the file", "current version, from the cache"] {
        measure(what, 20_000, async |_| {
            for key in &keys {
                assert!(store.current(bucket, key).await.expect("read").is_some());
            }
        })
        .await;
    }
    measure("list of 1,000 of 84,000", 80, async |_| {
        let mut query = ListQuery { limit: 1_000, ..ListQuery::default() };
        for _ in 0..80 {
            let page = store.list_current(bucket, &query).await.expect("listed");
            let last = page.entries.last().filter(|_| page.truncated).map(|entry| entry.marker().to_vec());
            query.after = last.unwrap_or_default();
        }
    })
    .await;
    measure("list of 1 common prefix of 80,000 keys", 1_000, async |lists| {
        let query = ListQuery { delimiter: b"/".to_vec(), limit: 1_000, ..ListQuery::default() };
        for _ in 0..lists {
            assert_eq!(store.list_current(bucket, &query).await.expect("listed").entries.len(), 1);
        }
    })
    .await;
}
