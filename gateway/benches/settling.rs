//! What the end of an epoch costs with 10,000 buckets of 1,000 payers, each with a hold, and 100 providers with a stake each: billing, planning
//! and applying the settlement, and publishing it.
//!
//! `cargo bench -p haulout-gateway --bench settling`, on SQLite in the directory `HAULOUT_BENCH_DIR` (default `/dev/shm`). On PostgreSQL as well
//! where `HAULOUT_BENCH_POSTGRES` is the URL of an empty database: `tests/postgres start DIR` prints one.

mod quilt;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use codec::{BlobId, ClusterId, ClusterKey};
use futures::StreamExt as _;
use gateway::clock::Ambient;
use gateway::domain::money::account::{Book, LedgerAccount};
use gateway::domain::money::epoch::Epoch;
use gateway::domain::money::frost::Frost;
use gateway::domain::money::mode::MoneyMode;
use gateway::domain::money::price::Prices;
use gateway::domain::money::transfer::{Transfer, TransferCode};
use gateway::domain::{BackendId, BucketId, CanonicalId, ObjectKey};
use gateway::ledger::{Entry, transfer_id};
use gateway::metadata::{
    AddUser, AddedStake, Batch, ChargeStep, CreateBucket, EpochTerms, MetadataStore, NewBucket, NewStake, Registration,
    VotingMoment,
};
use gateway::publication::{LogKeys, publish};
use gateway::settlement::{Settler, count_votes};

const PAYERS: usize = 1_000;
const BUCKETS: usize = 10_000;
const PROVIDERS: usize = 100;
/// As in `workers/epochs.rs`.
const BUCKETS_PER_STEP: usize = 200;
const OBJECT_BYTES: u64 = 100_000;
/// Everything that is there before the epoch ends must be made in this time.
const EPOCH: Duration = Duration::from_secs(150);
/// What is made side by side.
const AHEAD: usize = 16;

const PRICES: Prices = Prices {
    storage: Frost(1_000_000),
    write: Frost(20_000),
    requests_read: Frost(0),
    requests_write: Frost(0),
    egress: Frost(0),
};

fn main() {
    let directory = std::env::var_os("HAULOUT_BENCH_DIR").map_or_else(|| PathBuf::from("/dev/shm"), PathBuf::from);
    let folder = tempfile::tempdir_in(directory).expect("a folder");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(run("SQLite", &format!("sqlite:{}", folder.path().join("meta.db").display())));
    if let Ok(url) = std::env::var("HAULOUT_BENCH_POSTGRES") {
        runtime.block_on(run("PostgreSQL", &url));
    }
}

async fn run(what: &str, url: &str) {
    let ambient = Ambient::system();
    let store = MetadataStore::open(url, ambient.clone()).await.expect("opens");
    begin_epoch(&store).await;
    let begun = Instant::now();
    let buckets = buckets(&store).await;
    fill(&store, &ambient, &buckets).await;
    stake(&store).await;
    println!("{what}: {} buckets, {PROVIDERS} providers made in {:.1?}", buckets.len(), begun.elapsed());
    let reserving = Instant::now();
    let mut after = Some(i64::MIN);
    while let Some(from) = after {
        after = store.reserve_some(from, BUCKETS_PER_STEP).await.expect("reserved");
    }
    println!("{what}: holds reserved in {:.2?}", reserving.elapsed());
    let (epoch, now) = store.money_epoch().await.expect("read").expect("one is under way");
    let left = epoch.ends_at.0 - now.0;
    assert!(left > 0, "the epoch ended before everything was there: make EPOCH longer");
    tokio::time::sleep(Duration::from_micros(left.unsigned_abs() + 1_000)).await;
    begin_epoch(&store).await;
    end_of_epoch(what, &store, &ambient).await;
    store.close().await;
}

/// What happens when an epoch is over, step by step.
async fn end_of_epoch(what: &str, store: &MetadataStore, ambient: &Ambient) {
    let begun = Instant::now();
    while matches!(store.charge_some(BUCKETS_PER_STEP, 0).await.expect("billed"), ChargeStep::Some(_)) {}
    let billed = begun.elapsed();
    let keys = LogKeys::find(store, ClusterId([5; 16]), &ClusterKey::new(1, [6; 32]), ambient).await.expect("keys");
    let held: BTreeMap<BackendId, u64> = (0..PROVIDERS).map(|number| (provider(number), 1 << 30)).collect();
    let settler = Settler::new(store.clone(), keys.salter.clone());
    let settled = settler.settle(&held).await.expect("settled");
    assert_eq!(settled, Some(Epoch(1)));
    let applied = begun.elapsed();
    let settled = store.settlement_to_publish().await.expect("read").expect("it is to be published");
    publish(store, &keys, &settled).await.expect("published");
    let whole = begun.elapsed();
    let end = store.log_end().await.expect("read");
    println!(
        "{what}: billed in {billed:.2?}, settled in {:.2?}, published ({} leaves) in {:.2?}: {whole:.2?} together, resident {} MiB",
        applied - billed,
        end.size,
        whole - applied,
        resident_mib()
    );
}

/// Resident memory of this process now.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a resident size");
    line.split_whitespace().nth(1).and_then(|field| field.parse::<u64>().ok()).expect("a number") / 1024
}

async fn begin_epoch(store: &MetadataStore) {
    let micros = u64::try_from(EPOCH.as_micros()).expect("a while");
    let mut terms = EpochTerms { micros, mode: MoneyMode::On, prices: PRICES, endowment: Frost(0), voting: None };
    if let Some((facts, _)) = store.voting_facts().await.expect("read") {
        let (prices, voting) = count_votes(&facts, &PRICES);
        terms = EpochTerms { prices, voting: Some(voting), ..terms };
    }
    store.begin_epoch_if_due(terms).await.expect("begun");
}

fn provider(number: usize) -> BackendId {
    format!("provider-{number:03}").parse().expect("a name")
}

/// Money that comes in.
fn credit(account: LedgerAccount, reference: &str) -> Entry {
    Entry::posted(Transfer {
        id: transfer_id(&[b"reference", reference.as_bytes()]),
        book: Book::On,
        debit: LedgerAccount::Outside,
        credit: account,
        amount: Frost(1_000 * Frost::PER_WAL),
        code: TransferCode::Credit,
        epoch: Epoch(0),
        cause: reference.to_owned(),
    })
}

/// Payers with funds, each with its buckets.
async fn buckets(store: &MetadataStore) -> Vec<BucketId> {
    let mut payers = Vec::with_capacity(PAYERS);
    for number in 0..PAYERS {
        let name = format!("payer-{number}");
        let added = store.add_user(&name, &CanonicalId(format!("{number:064x}")), number == 0).await.expect("added");
        payers.extend(if let AddUser::Added(user) = added { Some(user.id) } else { None });
    }
    for some in payers.chunks(BUCKETS_PER_STEP) {
        let funded = some.iter().map(|id| credit(LedgerAccount::Payer(id.account_number()), &id.account_number()));
        store.post(funded.collect()).await.expect("posted");
    }
    let made = futures::stream::iter(0..BUCKETS).map(|number| {
        let bucket = NewBucket::new(payers[number % PAYERS], format!("bucket-{number}").parse().expect("a name"), "");
        async move {
            match store.create_bucket(bucket).await.expect("made") {
                CreateBucket::Created(bucket) => Some(bucket.id),
                _ => None,
            }
        }
    });
    let made: Vec<BucketId> = made.buffered(AHEAD).filter_map(std::future::ready).collect().await;
    assert_eq!((payers.len(), made.len()), (PAYERS, BUCKETS), "the database was empty");
    made
}

/// An object in each bucket; those of a page share a quilt.
async fn fill(store: &MetadataStore, ambient: &Ambient, buckets: &[BucketId]) {
    let incarnation = store.begin_incarnation("bench", 3_600).await.expect("begun");
    let commits = futures::stream::iter(buckets.chunks(32))
        .map(|some| async { store.commit(incarnation, puts(ambient, incarnation, some)).await.expect("committed") });
    commits.buffer_unordered(AHEAD).for_each(|_| async {}).await;
}

fn puts(ambient: &Ambient, incarnation: u32, buckets: &[BucketId]) -> Batch {
    let objects = buckets.iter().map(|bucket| (*bucket, ObjectKey::new("kept".to_owned()).expect("a key")));
    let backend = |id: BlobId, index: u8| provider(usize::from(index) + 6 * usize::from(id.0[15] % 16));
    quilt::puts(ambient, incarnation, objects, OBJECT_BYTES, backend)
}

/// Providers that are registered, each with the stake of somebody.
async fn stake(store: &MetadataStore) {
    let stakers: Vec<_> = (0..PROVIDERS).map(|number| format!("staker-{number}")).collect();
    let funded = stakers.iter().map(|name| credit(LedgerAccount::Staker(name.clone()), name));
    store.post(funded.collect()).await.expect("posted");
    for (number, staker) in stakers.into_iter().enumerate() {
        let (epoch, now) = store.money_epoch().await.expect("read").expect("one is under way");
        let (name, at) = (provider(number).to_string(), VotingMoment::of(&epoch, now.0));
        let registration = Registration {
            provider: name.clone(),
            owner: name.clone(),
            account: None,
            node_key: String::new(),
            commission_bp: 1_000,
            now: epoch.number,
            commission_from: Epoch(3),
        };
        store.register_provider(registration).await.expect("registered");
        let stake = NewStake {
            reference: staker.clone(),
            staker,
            provider: name,
            amount: Frost(10 * Frost::PER_WAL),
            at,
            active_from: epoch.number.next(),
        };
        assert!(matches!(store.add_stake(stake).await.expect("staked"), AddedStake::New(_)));
    }
}
