//! Many clients at a few keys while gateways are killed and compact what they wrote: the history of all that was done and
//! seen must be one of a store that keeps S3's promises.
//!
//! By hand, longer: `HAULOUT_PASSES=20 tests/run histories`.

use std::sync::atomic::Ordering;

use anyhow::{Context, Result, ensure};
use harness::{
    Database, Effect, Ending, Operation, Settings, TestGateway, Value, check_history, number_from_environment,
    on_postgres, on_sqlite,
};

use super::load::work_while;
use super::world::World;

on_sqlite!(small_quilts => one_gateway_keeps_its_promises_through_kills);
on_postgres!(small_quilts => two_gateways_keep_their_promises_through_kills);

/// For each gateway; they take turns at all of them.
const CLIENTS: u64 = 16;
/// Kills in each pass, which has keys of its own, and how many operations are answered between two of them.
const KILLS: u64 = 4;
const ANSWERED_BETWEEN_KILLS: u64 = 200;

/// Quilts of a few objects, so that there is always one to be compacted.
fn small_quilts(database: Database) -> Settings {
    let settings = Settings::new(database).set("objects", "quilt_object_bytes_max = 20_000");
    settings.set("objects", "quilt_bytes_max = 65_536").set("objects", "heartbeat_seconds = 2")
}

async fn one_gateway_keeps_its_promises_through_kills(gateway: &mut TestGateway) -> Result<()> {
    keep_promises(&mut [gateway]).await?;
    gateway.wait_for_collection().await
}

async fn two_gateways_keep_their_promises_through_kills(gateway: &mut TestGateway) -> Result<()> {
    let mut other = gateway.start_beside().await?;
    if let Err(broken) = keep_promises(&mut [gateway, &mut other]).await {
        other.print_log();
        return Err(broken);
    }
    gateway.wait_for_collection().await?;
    other.finish().await
}

async fn keep_promises(gateways: &mut [&mut TestGateway]) -> Result<()> {
    let clients = gateways.iter().map(|gateway| gateway.root()).collect();
    let passes = number_from_environment("HAULOUT_PASSES", 1);
    let number = CLIENTS * gateways.len() as u64;
    let ((), operations) = work_while(clients, number, async |world| disturb(gateways, world, passes).await).await?;
    let cut_off = operations.iter().filter(|operation| matches!(operation.ending, Ending::UnknownUntil(_))).count();
    ensure!(cut_off > 0, "no write was under way when a gateway was killed");
    eprintln!("{} operations, {cut_off} of them with unknown outcome", operations.len());
    alterations_are_noticed(&operations)
}

/// Kills one gateway after the other while the clients work, and collects what died; then leaves them alone for a while.
async fn disturb(gateways: &mut [&mut TestGateway], world: &World, passes: u64) -> Result<()> {
    for kill in 0..passes * KILLS {
        world.pass.store(kill / KILLS, Ordering::Relaxed);
        world.answer_more(ANSWERED_BETWEEN_KILLS / 2).await?;
        let at = usize::try_from(kill)? % gateways.len();
        gateways[at].haulout(&["collect"]).ok().await?;
        world.answer_more(ANSWERED_BETWEEN_KILLS / 2).await?;
        let killed = world.history.now();
        gateways[at].kill();
        world.serving.send_modify(|serving| serving[at] = false);
        gateways[at].restart().with_context(|| format!("after kill {kill}"))?;
        world.died(at, killed);
        world.serving.send_modify(|serving| serving[at] = true);
    }
    world.answer_more(ANSWERED_BETWEEN_KILLS / 2).await
}

/// The checker is not blind: the same history with one lie in it is refused. The lie stands in the last HEAD of a key, after a
/// GET of what it holds.
fn alterations_are_noticed(operations: &[Operation]) -> Result<()> {
    let is_last = |operation: &Operation| {
        let even = operation.key.ends_with(['0', '2', '4', '6', '8']); // listings show whose ETag it has
        operation.client == 0 && operation.name == "HEAD" && even
    };
    let heads = operations.iter().enumerate().filter(|(_, operation)| is_last(operation));
    let heads = heads.filter_map(|(at, operation)| Some((at, operation, operation.effect.value_read()?)));
    let refuses = |at: usize, said: Option<Value>| {
        let mut operations = operations.to_vec();
        operations[at].effect = Effect::Read(said);
        check_history(&operations).is_err()
    };
    let replaced = |head: &Operation, value: Value| {
        let earlier = operations.iter().filter(|it| it.client != 0 && it.key == head.key);
        earlier.filter_map(|it| it.effect.value_read()).find(|other| *other != value)
    };
    let mut with_replaced = heads.filter_map(|(at, head, value)| Some((at, replaced(head, value)?)));
    let (at, stale) = with_replaced.next().context("no key was read twice")?;
    ensure!(refuses(at, Some(Value::MAX)), "a value that nobody wrote went unnoticed");
    ensure!(refuses(at, None), "a lost object went unnoticed");
    ensure!(refuses(at, Some(stale)), "a value that was replaced went unnoticed");
    Ok(())
}
