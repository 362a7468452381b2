//! The network between a gateway and its storage nodes carries nothing, or one way only, or late, for a while. All that clients did and saw
//! must be what a store does that keeps S3's promises, nothing that was acknowledged is lost, and soon after the network is whole
//! everything works again.
//!
//! By hand, fifty random schedules: `HAULOUT_SCHEDULES=50 tests/run partitions::random`. One of them again: `HAULOUT_SEED=17`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use harness::{
    Database, Ending, Link, Namespaces, Passage, Settings, StorageNode, TestGateway, number_from_environment,
    run_scenario_between, run_scenario_in_namespaces, wait_until,
};

use super::load::work_while;
use super::world::World;

const NODES: usize = 6;
/// Of `rs-4-2`.
const LOSSES_MAX: usize = 2;
const CLIENTS: u64 = 6;
/// Of each node, so that gateways notice what some faults do while these last.
const TIMEOUT_SECONDS: &str = "3";
/// Answered between two faults.
const ANSWERED_BETWEEN: u64 = 60;
/// From the moment in which the network is whole until everything works.
const PROGRESS_WITHIN: Duration = Duration::from_secs(60);
const FAULTS_OF_A_SCHEDULE: usize = 3;

const THERE_LOST: Passage = Passage { there: false, ..Passage::FREE };
const BACK_LOST: Passage = Passage { back: false, ..Passage::FREE };
const SLOW: Passage = Passage { delay: Duration::from_millis(300), ..Passage::FREE };

/// What the network does for a while.
#[derive(Clone, Debug)]
struct Fault {
    nodes: Vec<usize>,
    passage: Passage,
    lasts: Duration,
    /// Connections end when it is over; otherwise what was on its way arrives.
    resets: bool,
}

/// What stands between a gateway and its nodes.
trait Network {
    /// From now on what a gateway and a node say to each other fares like this.
    fn set(&self, node: usize, passage: Passage) -> Result<()>;

    /// Ends the connections, where that can be done.
    fn reset(&self, node: usize);
}

impl Network for Vec<Link> {
    fn set(&self, node: usize, passage: Passage) -> Result<()> {
        self[node].set(passage);
        Ok(())
    }

    fn reset(&self, node: usize) {
        self[node].reset();
    }
}

impl Network for Namespaces {
    fn set(&self, node: usize, passage: Passage) -> Result<()> {
        Self::set(self, node, passage)
    }

    fn reset(&self, _: usize) {}
}

/// Packets are lost on the kernel's own network, one way or both.
#[test]
fn packets_are_lost_between_namespaces() -> Result<()> {
    let faults = [
        fault(&[2], Passage::CUT, 3, false),
        fault(&[1, 5], THERE_LOST, 3, false),
        fault(&[0, 3, 4], BACK_LOST, 4, false),
    ];
    let options = [("timeout_seconds", TIMEOUT_SECONDS)];
    run_scenario_in_namespaces(settings(Database::Sqlite), NODES, &options, async |gateway, _, namespaces| {
        keep_promises(gateway, namespaces, &faults).await.with_context(|| format!("{faults:?}"))
    })
}

#[test]
fn one_node_is_cut_off() -> Result<()> {
    run(Database::Sqlite, &[fault(&[2], Passage::CUT, 4, false), fault(&[2], Passage::CUT, 3, true)])
}

#[test]
fn more_nodes_are_cut_off_than_may_be_lost() -> Result<()> {
    run(Database::Postgres, &[fault(&[0, 3, 5], Passage::CUT, 4, false), fault(&[1, 2, 4], Passage::CUT, 3, true)])
}

#[test]
fn bytes_are_lost_one_way() -> Result<()> {
    let few = [fault(&[1], THERE_LOST, 3, false), fault(&[4], BACK_LOST, 3, true)];
    run(Database::Sqlite, &[&few[..], &[fault(&[0, 1, 2], BACK_LOST, 4, false)]].concat())
}

mod random {
    use super::*;

    #[test]
    fn sqlite() -> Result<()> {
        random_schedules(Database::Sqlite, 0)
    }

    #[test]
    fn postgres() -> Result<()> {
        random_schedules(Database::Postgres, 1)
    }
}

/// Every second schedule, from the first.
fn random_schedules(database: Database, first: u64) -> Result<()> {
    let only = number_from_environment("HAULOUT_SEED", u64::MAX);
    let schedules = number_from_environment("HAULOUT_SCHEDULES", 2);
    for seed in (first..schedules).step_by(2).chain((only != u64::MAX).then_some(only)) {
        if only == u64::MAX || only == seed {
            run(database, &schedule(seed)).with_context(|| format!("the schedule of seed {seed}"))?;
        }
    }
    Ok(())
}

fn fault(nodes: &[usize], passage: Passage, seconds: u64, resets: bool) -> Fault {
    Fault { nodes: nodes.to_vec(), passage, lasts: Duration::from_secs(seconds), resets }
}

/// The faults of a seed.
fn schedule(seed: u64) -> Vec<Fault> {
    let mut chance = Chance(seed);
    let faults = (0..FAULTS_OF_A_SCHEDULE).map(|_| {
        let mut nodes: Vec<usize> = (0..NODES).collect();
        (0..NODES).for_each(|at| nodes.swap(at, chance.below(NODES)));
        nodes.truncate(1 + chance.below(LOSSES_MAX + 2));
        let passage = [Passage::CUT, THERE_LOST, BACK_LOST, SLOW][chance.below(4)];
        let lasts = Duration::from_millis(1_000 + 500 * chance.below(8) as u64);
        Fault { nodes, passage, lasts, resets: chance.below(2) == 1 }
    });
    faults.collect()
}

/// Numbers that follow from a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 33) as usize % end
    }
}

fn run(database: Database, faults: &[Fault]) -> Result<()> {
    let stand_between = async |nodes: &mut [StorageNode]| {
        let mut links = Vec::new();
        for node in nodes {
            let link = Link::to(node.address()).await?;
            node.reach_at(link.address());
            node.set_option("timeout_seconds", TIMEOUT_SECONDS);
            links.push(link);
        }
        Ok(links)
    };
    run_scenario_between(settings(database), NODES, stand_between, async |gateway, _, links| {
        keep_promises(gateway, links, faults).await.with_context(|| format!("{faults:?}"))
    })
}

fn settings(database: Database) -> Settings {
    Settings::new(database).set("objects", "heartbeat_seconds = 2")
}

async fn keep_promises(gateway: &TestGateway, network: &dyn Network, faults: &[Fault]) -> Result<()> {
    let clients = vec![gateway.root()];
    let disturb = async |world: &World| disturb(gateway, network, faults, world).await;
    let (slowest, operations) = work_while(clients, CLIENTS, disturb).await?;
    let unknown = operations.iter().filter(|operation| matches!(operation.ending, Ending::Unknown)).count();
    eprintln!(
        "{} operations, {unknown} of them with unknown outcome; all worked {:.1} s after a fault at the latest",
        operations.len(),
        slowest.as_secs_f32()
    );
    nothing_is_left(gateway).await
}

/// Collection passes over nodes that are slow, and looks again.
async fn nothing_is_left(gateway: &TestGateway) -> Result<()> {
    wait_until("a deep check finds nothing wrong and nothing left over", async || {
        let collected = gateway.haulout(&["collect"]).run().await?.code == 0;
        Ok((collected && gateway.check(true).await?.must_be_clean().is_ok()).then_some(()))
    })
    .await
}

/// One fault after the other, each with keys of its own; the longest time until everything worked again.
async fn disturb(gateway: &TestGateway, network: &dyn Network, faults: &[Fault], world: &World) -> Result<Duration> {
    let mut slowest = Duration::ZERO;
    for (pass, fault) in (0..).zip(faults) {
        world.pass.store(pass, Ordering::Relaxed);
        world.answer_more(ANSWERED_BETWEEN).await?;
        fault.nodes.iter().try_for_each(|node| network.set(*node, fault.passage))?;
        let before = world.answered.load(Ordering::Relaxed);
        tokio::time::sleep(fault.lasts).await;
        if fault.nodes.len() <= LOSSES_MAX {
            ensure!(world.answered.load(Ordering::Relaxed) > before, "nothing went on during {fault:?}");
        }
        for node in &fault.nodes {
            if fault.resets {
                network.reset(*node);
            }
            network.set(*node, Passage::FREE)?;
        }
        let healed = Instant::now();
        gateway.wait_for_backends().await?;
        wait_until("a write is acknowledged", async || {
            let put = gateway.root().put("plain", "after the fault", vec![7; 300_000]).await?;
            Ok((put.status == 200).then_some(()))
        })
        .await?;
        world.pass.store(pass + 1, Ordering::Relaxed);
        world.answer_more(ANSWERED_BETWEEN).await?;
        let took = healed.elapsed();
        ensure!(took < PROGRESS_WITHIN, "it took {} s until everything worked after {fault:?}", took.as_secs());
        slowest = slowest.max(took);
    }
    Ok(slowest)
}
