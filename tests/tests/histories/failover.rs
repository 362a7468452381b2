//! The primary of two PostgreSQL servers dies while clients work through two gateways, and the standby takes over. Both gateways
//! follow by themselves: writes come back soon, nothing that was acknowledged is lost, and all that clients did and saw is
//! what a store does that keeps S3's promises.
//!
//! By hand, more often: `HAULOUT_FAILOVERS=20 tests/run failover`. With Patroni and etcd, which decide by themselves when the
//! standby takes over: `HAULOUT_PATRONI=1 tests/run failover`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use harness::{
    Database, Ending, Replicas, Settings, TestGateway, number_from_environment, run_scenario_on_replicas, wait_until,
};

use super::load::work_while;
use super::world::World;

const CLIENTS: u64 = 16;
/// Answered between two failovers.
const ANSWERED_BETWEEN: u64 = 400;
/// From the moment in which the standby takes writes until each gateway does: it takes less than two seconds, but on a busy machine.
const WRITES_WITHIN: Duration = Duration::from_secs(30);
/// How long nobody takes writes, at every second failover without Patroni. At the others the standby takes over at once.
const NO_PRIMARY: Duration = Duration::from_secs(3);

#[test]
fn two_gateways_follow_the_primary() -> Result<()> {
    let with_patroni = number_from_environment("HAULOUT_PATRONI", 0) != 0;
    let settings = Settings::new(Database::Postgres).set("objects", "heartbeat_seconds = 2");
    run_scenario_on_replicas(settings, with_patroni, async |gateway, replicas| {
        let other = gateway.start_beside().await?;
        if let Err(broken) = keep_promises(&[gateway, &other], replicas, with_patroni).await {
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
    run_scenario_on_replicas(settings, false, async |gateway, replicas| {
        let s3 = gateway.root();
        s3.create_bucket("kept").await?;
        s3.put("kept", "before", "first").await?.ok()?;
        replicas.detach_standby().await?;
        s3.put("kept", "lost", "second").await?.ok()?;
        gateway.wait_for_heartbeats(1..=6).await?;
        replicas.kill_primary().await?;
        replicas.takeover().await?;

        // It also begins again, as another run than the one that the database has forgotten.
        wait_until("only reads are served", async || {
            let ready = gateway.ops("/health/ready").is_ok_and(|(_, text)| text.contains("only reads are served"));
            let refused = s3.put("kept", "later", "third").await.is_ok_and(|reply| reply.status == 503);
            let read = s3.get("kept", "before").await.is_ok_and(|reply| reply.body == "first");
            Ok((ready && refused && read).then_some(()))
        })
        .await?;
        let refused = gateway.haulout(&["collect"]).fails().await?;
        ensure!(refused.contains("haulout database confirm"), "{refused}");

        // It may just be beginning again.
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

async fn keep_promises(gateways: &[&TestGateway], replicas: &mut Replicas, with_patroni: bool) -> Result<()> {
    let clients = gateways.iter().map(|gateway| gateway.root()).collect();
    let disturb = async |world: &World| {
        for number in 0..number_from_environment("HAULOUT_FAILOVERS", 2) {
            let no_primary = if with_patroni || number.is_multiple_of(2) { Duration::ZERO } else { NO_PRIMARY };
            let done = fail_over(gateways, replicas, world, no_primary).await;
            done.with_context(|| format!("at failover {number}"))?;
        }
        Ok(())
    };
    let ((), operations) = work_while(clients, CLIENTS, disturb).await?;
    let unknown = operations.iter().filter(|operation| matches!(operation.ending, Ending::Unknown)).count();
    eprintln!("{} operations, {unknown} of them with unknown outcome", operations.len());
    Ok(())
}

/// Lets the primary die under load, and what died come back as the standby. The keys after the failover are others than before.
async fn fail_over(
    gateways: &[&TestGateway],
    replicas: &mut Replicas,
    world: &World,
    no_primary: Duration,
) -> Result<()> {
    world.answer_more(ANSWERED_BETWEEN / 2).await?;
    let killed = Instant::now();
    replicas.kill_primary().await?;
    tokio::time::sleep(no_primary).await;
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
    let takeover = takes_writes - killed;
    eprintln!("the standby took over after {takeover:.1?}, the gateways {first_writes:.1?} later");
    let slowest = first_writes.iter().max().copied().unwrap_or_default();
    ensure!(slowest < WRITES_WITHIN, "a gateway took no writes for {slowest:.1?}");
    world.pass.fetch_add(1, Ordering::Relaxed);
    world.answer_more(ANSWERED_BETWEEN / 2).await?;
    replicas.rejoin().await
}
