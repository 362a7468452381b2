//! The primary of two PostgreSQL servers dies, or is cut off and comes back as if nothing were, while clients work through two gateways, and
//! the standby takes over. Both gateways follow by themselves: writes come back soon, nothing that was acknowledged is lost, and all that
//! clients did and saw is what a store does that keeps S3's promises. Through poolers in transaction mode as well.
//!
//! By hand, more often: `HAULOUT_FAILOVERS=20 tests/run failover`. With Patroni and etcd, which decide by themselves when the
//! standby takes over: `HAULOUT_PATRONI=1 tests/run failover`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use harness::{
    Database, Ending, Replicas, Settings, Standby, TestGateway, number_from_environment, run_scenario_on_replicas,
    wait_until,
};

use super::load::work_while;
use super::world::World;

const CLIENTS: u64 = 16;
/// Answered between two failovers.
const ANSWERED_BETWEEN: u64 = 400;
/// From the moment in which the standby takes writes until each gateway does: it takes less than two seconds, but on a busy machine.
const WRITES_WITHIN: Duration = Duration::from_secs(30);
/// How long nobody takes writes, where the standby does not take over at once.
const NO_PRIMARY: Duration = Duration::from_secs(3);

/// What becomes of a primary.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Killed,
    /// The standby takes over after [`NO_PRIMARY`], unless Patroni decides.
    KilledAndMissed,
    /// It stands still until another one has taken its place, and then goes on for a while.
    CutOff,
    /// It runs on, but reaches nobody and nobody reaches it until another one has taken its place. Only with Patroni.
    Partitioned,
}

/// By turns.
const FATES: [Fate; 4] = [Fate::CutOff, Fate::Killed, Fate::KilledAndMissed, Fate::Partitioned];

#[test]
fn two_gateways_follow_the_primary() -> Result<()> {
    let with_patroni = number_from_environment("HAULOUT_PATRONI", 0) != 0;
    follow_the_primary(if with_patroni { Standby::Patroni } else { Standby::Plain })
}

#[test]
fn two_gateways_follow_the_primary_through_poolers() -> Result<()> {
    follow_the_primary(Standby::Pooled)
}

fn follow_the_primary(standby: Standby) -> Result<()> {
    let settings = Settings::new(Database::Postgres).set("objects", "heartbeat_seconds = 2");
    run_scenario_on_replicas(settings, standby, async |gateway, replicas| {
        let other = gateway.start_beside().await?;
        if let Err(broken) = keep_promises(&[gateway, &other], replicas, standby).await {
            other.print_log();
            return Err(broken);
        }
        gateway.wait_for_collection().await?;
        other.finish().await
    })
}

/// A standby that does not have the last commits takes over. The journal has them: nothing is written or collected until somebody
/// has decided.
#[test]
fn a_failover_that_lost_commits_is_noticed() -> Result<()> {
    let settings = Settings::new(Database::Postgres).set("objects", "heartbeat_seconds = 1");
    commits_are_lost(settings, async |gateway| gateway.wait_for_heartbeats(1..=6).await)
}

/// Commits that neither the journal nor a heartbeat has: the gateway that made them knows.
#[test]
fn a_failover_that_lost_commits_is_noticed_before_the_journal_has_them() -> Result<()> {
    let settings = Settings::new(Database::Postgres).set("objects", "heartbeat_seconds = 3600");
    commits_are_lost(settings.set("journal", "lag_seconds = 3600"), async |_| Ok(()))
}

fn commits_are_lost(settings: Settings, recorded: impl AsyncFnOnce(&TestGateway) -> Result<()>) -> Result<()> {
    run_scenario_on_replicas(settings, Standby::Plain, async |gateway, replicas| {
        let s3 = gateway.root();
        s3.create_bucket("kept").await?;
        s3.put("kept", "before", "first").await?.ok()?;
        replicas.detach_standby().await?;
        s3.put("kept", "lost", "second").await?.ok()?;
        recorded(gateway).await?;
        replicas.kill_primary().await?;
        replicas.takeover().await?;

        // It may also begin again, as another run than the one that the database has forgotten.
        wait_until("only reads are served", async || {
            let ready = gateway.ops("/health/ready").is_ok_and(|(_, text)| text.contains("only reads are served"));
            let refused = s3.put("kept", "later", "third").await.is_ok_and(|reply| reply.status == 503);
            let read = s3.get("kept", "before").await.is_ok_and(|reply| reply.body == "first");
            Ok((ready && refused && read).then_some(()))
        })
        .await?;
        wait_until("nothing is collected", async || {
            // It answers no command while it begins again.
            let refused = gateway.haulout(&["collect"]).run().await?;
            ensure!(refused.code != 0, "it was collected: {}", refused.describe());
            Ok(refused.describe().contains("haulout database confirm").then_some(()))
        })
        .await?;
        wait_until("the database is confirmed", async || Ok(gateway.haulout(&["database", "confirm"]).ok().await.ok()))
            .await?;
        wait_until("writes are served", async || {
            Ok(s3.put("kept", "later", "third").await.is_ok_and(|reply| reply.status == 200).then_some(()))
        })
        .await?;
        s3.get("kept", "lost").await?.refused(404, "NoSuchKey")?;
        gateway.wait_for_collection().await
    })
}

async fn keep_promises(gateways: &[&TestGateway], replicas: &mut Replicas, standby: Standby) -> Result<()> {
    let clients = gateways.iter().map(|gateway| gateway.root()).collect();
    let disturb = async |world: &World| {
        let number = usize::try_from(number_from_environment("HAULOUT_FAILOVERS", 3))?;
        let possible = |fate: &Fate| !matches!(fate, Fate::Partitioned) || replicas.can_be_partitioned();
        let fates: Vec<Fate> = FATES.into_iter().filter(possible).collect();
        for (number, &fate) in fates.iter().cycle().take(number).enumerate() {
            let done = fail_over(gateways, replicas, world, (fate, standby)).await;
            done.with_context(|| format!("at failover {number}, {fate:?}"))?;
        }
        Ok(())
    };
    let ((), operations) = work_while(clients, CLIENTS, disturb).await?;
    let unknown = operations.iter().filter(|operation| matches!(operation.ending, Ending::Unknown)).count();
    eprintln!("{} operations, {unknown} of them with unknown outcome", operations.len());
    Ok(())
}

/// Takes the primary away under load, and lets it come back as the standby. The keys after the failover are others than before.
async fn fail_over(
    gateways: &[&TestGateway],
    replicas: &mut Replicas,
    world: &World,
    (fate, standby): (Fate, Standby),
) -> Result<()> {
    world.answer_more(ANSWERED_BETWEEN / 2).await?;
    let gone = Instant::now();
    match fate {
        Fate::Killed | Fate::KilledAndMissed => replicas.kill_primary().await?,
        Fate::CutOff => replicas.cut_off_primary().await?,
        Fate::Partitioned => replicas.partition_primary().await?,
    }
    if matches!(fate, Fate::KilledAndMissed) && standby != Standby::Patroni {
        tokio::time::sleep(NO_PRIMARY).await;
    }
    replicas.takeover().await?;
    let takes_writes = Instant::now();
    let first_writes = gateways.iter().map(async |gateway| {
        wait_until("a write is acknowledged", async || {
            let put = gateway.root().put("plain", "after the failover", vec![7; 300_000]).await?;
            Ok((put.status == 200).then_some(()))
        })
        .await?;
        Ok::<_, anyhow::Error>(takes_writes.elapsed())
    });
    let first_writes = try_join_all(first_writes).await?;
    let takeover = takes_writes - gone;
    eprintln!("{fate:?}: the standby took over after {takeover:.1?}, the gateways {first_writes:.1?} later");
    let slowest = first_writes.iter().max().copied().unwrap_or_default();
    ensure!(slowest < WRITES_WITHIN, "a gateway took no writes for {slowest:.1?}");
    world.pass.fetch_add(1, Ordering::Relaxed);
    world.answer_more(ANSWERED_BETWEEN / 2).await?;
    match fate {
        Fate::CutOff => replicas.reach_rival().await?,
        Fate::Partitioned => replicas.heal_network()?,
        Fate::Killed | Fate::KilledAndMissed => {}
    }
    replicas.rejoin().await
}
