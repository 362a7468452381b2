//! Many clients at a few keys while gateways are killed and compact what they wrote: the history of all that was done and
//! seen must be one of a store that keeps S3's promises.
//!
//! By hand, longer: `HAULOUT_PASSES=20 tests/run histories`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, ensure};
use harness::{
    Database, Effect, Ending, Operation, S3, Settings, TestGateway, Value, check_history, number_from_environment,
    on_postgres, on_sqlite, wait_until,
};
use http::Method;

use super::client::{Client, World, content};

on_sqlite!(small_quilts => one_gateway_keeps_its_promises_through_kills);
on_postgres!(small_quilts => two_gateways_keep_their_promises_through_kills);

const CLIENTS: u64 = 16;
/// Kills in each pass, which has keys of its own, and how many operations are answered between two of them.
const KILLS: u64 = 4;
const ANSWERED_BETWEEN_KILLS: u64 = 200;
/// Kept versions that are read back.
const VERSIONS_READ_MAX: usize = 200;

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
    let clients: Vec<_> = gateways.iter().map(|gateway| gateway.root()).collect();
    let s3 = clients[0].clone();
    s3.create_bucket("plain").await?;
    s3.create_bucket("versioned").await?;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    s3.request(Method::PUT, "/versioned").query("versioning", "").body(enabled).send().await?.ok()?;

    let world = Arc::new(World::new(gateways.len()));
    let client = |id| Client::new(id, clients.clone(), Arc::clone(&world));
    let working: Vec<_> = (1..=CLIENTS).map(|id| tokio::spawn(client(id).work())).collect();
    let passes = number_from_environment("HAULOUT_PASSES", 1);
    let disturbed = disturb(gateways, &world, passes).await;
    world.done.store(true, Ordering::Relaxed);
    for client in working {
        client.await??;
    }
    disturbed?;
    let mut reader = client(0);
    for pass in 0..passes {
        reader.read_back(pass).await?;
    }
    let operations = world.operations();
    check_history(&operations)?;
    let cut_off = operations.iter().filter(|operation| matches!(operation.ending, Ending::UnknownUntil(_))).count();
    ensure!(cut_off > 0, "no write was under way when a gateway was killed");
    eprintln!("{} operations, {cut_off} of them with unknown outcome", operations.len());
    alterations_are_noticed(&operations)?;
    versions_are_kept(&s3, &world).await
}

/// Kills one gateway after the other while the clients work, and collects what died; then leaves them alone for a while.
async fn disturb(gateways: &mut [&mut TestGateway], world: &World, passes: u64) -> Result<()> {
    for kill in 0..passes * KILLS {
        world.pass.store(kill / KILLS, Ordering::Relaxed);
        answer_more(world).await?;
        let at = usize::try_from(kill)? % gateways.len();
        gateways[at].haulout(&["collect"]).ok().await?;
        answer_more(world).await?;
        let killed = world.history.now();
        gateways[at].kill();
        world.serving.send_modify(|serving| serving[at] = false);
        gateways[at].restart().with_context(|| format!("after kill {kill}"))?;
        world.died(at, killed);
        world.serving.send_modify(|serving| serving[at] = true);
    }
    answer_more(world).await
}

async fn answer_more(world: &World) -> Result<()> {
    let enough = world.answered.load(Ordering::Relaxed) + ANSWERED_BETWEEN_KILLS / 2;
    wait_until(&format!("{enough} operations are answered"), async || {
        Ok((world.answered.load(Ordering::Relaxed) >= enough).then_some(()))
    })
    .await
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

/// Where versions are kept, all that were acknowledged are there.
pub async fn versions_are_kept(s3: &S3, world: &World) -> Result<()> {
    let acknowledged = world.versions.lock().unwrap().clone();
    let (mut listed, mut markers) = (HashSet::new(), HashMap::new());
    loop {
        let request = s3.request(Method::GET, "/versioned").query("versions", "");
        let request =
            markers.iter().fold(request, |request, (name, value): (&&str, &String)| request.query(name, value));
        let page = request.send().await?.ok()?;
        listed.extend(page.texts_of("VersionId"));
        let marker = |name| page.text_of(name).ok();
        let Some(key) = marker("NextKeyMarker") else { break };
        markers.insert("key-marker", key);
        markers.extend(marker("NextVersionIdMarker").map(|id| ("version-id-marker", id)));
    }
    for (key, id, value) in &acknowledged {
        ensure!(listed.contains(id), "version {id} of {key} is gone, which was acknowledged with value {value}");
    }
    let step = acknowledged.len().div_ceil(VERSIONS_READ_MAX).max(1);
    for (key, id, value) in acknowledged.iter().step_by(step) {
        let reply = s3.on(Method::GET, "versioned", key).query("versionId", id).send().await?.ok()?;
        ensure!(reply.body == content(*value), "version {id} of {key} is not value {value}");
    }
    Ok(())
}
