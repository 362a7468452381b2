//! A seeded simulation of two whole gateways on one database file, with everything that can go wrong between them and their disks.
//!
//! *What is simulated.* Two gateways of this process, each everything but its listeners (use cases, workers, lease, heartbeats, journal, what operators ask for), on disks in memory and one
//! file of SQLite that only this test may open twice. Clients put, get, copy, append, rename, delete, list and upload, and some of their objects are enciphered with keys of customers; workers make their
//! steps; operators drain disks, replace them by spares, take them out and rebalance; gateways crash between any two steps and start again with another configuration, which may lack the disk that
//! came last; disks are out of reach, full, slow, lose replies, lose and spoil slivers; transactions fail, and replies to commits are lost; gateways stand still past their leases; clocks differ and
//! jump.
//!
//! *What the seed decides*, and so what happens again when it is run again: the clients' requests, the order in which everything goes on that waits at one of the [`gates`], the fault with which a
//! gate opens, all random numbers of the gateways, and all time: each gateway's timers, its wall clock and the clock of the database. Each gateway is a runtime of one thread that is paused but
//! for the milliseconds the schedule gives it, and whoever waits for a thread of SQLite does so in place (`metadata::simulated`).
//!
//! *What it does not decide*: the order in which hash maps are walked, which of several ready branches a `select!` without `biased` takes, how long entries of the
//! caches live that go by the machine's clock (a minute and more, but for buckets, which the simulation does not change), and the number of cores, by which repair paces itself. They matter seldom: a test compares
//! the schedules of seeds that are run twice. Not simulated
//! at all: PostgreSQL and its row locks, HTTP, several threads of one gateway, torn writes to the database, keys of a key service, new disks in old places, and a database that is lost
//! while the journal lacks something, for which there are other tests.
//!
//! *What is checked*: every reply, by the checker of histories; and when the faults are over and everything has come to rest, that every acknowledged object is there with its
//! bytes, that no sliver is missing, wrong or too much, and that all counters and meters agree. Some simulations lose their database before that, and have to keep every promise with one that was built again from
//! the disks.
//!
//! `HAULOUT_SEEDS=10000 cargo test -p haulout-gateway --lib seeds_keep -- --nocapture` runs so many seeds, `HAULOUT_SEED=17` that one and prints its schedule.

mod account;
mod dice;
mod disk;
mod gated;
mod gates;
mod gateway;
mod recovery;
mod request;
mod rest;
mod schedule;
mod service;
mod uploads;
mod values;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use schedule::{Defect, Simulation};

/// Seeds of every run of the tests.
const SEEDS: u64 = 200;

/// Steps before the faults end.
const STEPS: usize = 700;

/// What a seed came to.
struct Outcome {
    trace: String,
    answered: u64,
    verdict: Result<(), String>,
}

fn simulate(seed: u64, defect: Defect) -> Outcome {
    let mut simulation = Simulation::new(seed, defect);
    let verdict = simulation.run(STEPS).and_then(|()| simulation.come_to_rest());
    Outcome { trace: std::mem::take(&mut simulation.trace), answered: simulation.account.answered, verdict }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Runs so many seeds, on each core one at a time; the number of requests that were answered.
fn run(seeds: u64) -> u64 {
    let (next, answered) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds {
                return;
            }
            let outcome = simulate(seed, Defect::None);
            if let Err(error) = outcome.verdict {
                panic!("{}\nseed {seed}: {error}\nHAULOUT_SEED={seed} runs it alone", outcome.trace);
            }
            answered.fetch_add(outcome.answered, Ordering::SeqCst);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    answered.into_inner()
}

#[test]
fn seeds_keep_every_promise() {
    if let Some(seed) = number("HAULOUT_SEED") {
        let outcome = simulate(seed, Defect::None);
        println!("{}", outcome.trace);
        outcome.verdict.unwrap();
        return;
    }
    let (seeds, begun) = (number("HAULOUT_SEEDS").unwrap_or(SEEDS), Instant::now());
    let answered = run(seeds);
    println!("{seeds} seeds, {answered} requests answered, {} s", begun.elapsed().as_secs());
    assert!(answered > seeds * 5, "most requests are answered: {answered} in {seeds} seeds");
}

#[test]
fn a_seed_has_one_schedule() {
    for seed in [3, 5] {
        let (one, other) = (simulate(seed, Defect::None), simulate(seed, Defect::None));
        let difference = one.trace.lines().zip(other.trace.lines()).find(|(one, other)| one != other);
        assert_eq!(difference, None, "seed {seed}");
        assert_eq!(one.trace.len(), other.trace.len(), "seed {seed}");
    }
}

/// The checks notice what they are there for: each of these in some of a few seeds.
#[test]
fn planted_defects_are_noticed() {
    for defect in [Defect::ForgetfulDisks, Defect::CachesAsIfAlone, Defect::LostRow] {
        let noticed = (0..40).find_map(|seed| simulate(seed, defect).verdict.err());
        let noticed = noticed.unwrap_or_else(|| panic!("{defect:?} goes unnoticed"));
        println!("{defect:?}: {noticed}");
    }
}
