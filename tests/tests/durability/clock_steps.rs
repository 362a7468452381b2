//! The wall clock of a gateway steps, by minutes and by an hour, forwards and backwards, while it serves: it goes on, and loses
//! nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use harness::{Database, S3, Settings, TestGateway, WallClock, on_both, wait_until};
use http::Method;

on_both!(short_lease => a_gateway_goes_on_when_its_clock_steps, what_is_written_last_is_current_whatever_the_clock_says);

/// Seconds of a lease.
const LEASE: u64 = 2;
const MINUTES: i64 = 120;
const HOUR: i64 = 3_600;
const WRITERS: u64 = 4;

/// What the writers share.
#[derive(Default)]
struct Load {
    /// The clock by which they sign.
    ahead: AtomicI64,
    acknowledged: AtomicU64,
    done: AtomicBool,
}

fn short_lease(database: Database) -> Settings {
    let settings = Settings::new(database).set("debug", &format!("lease_seconds = {LEASE}"));
    settings.set("objects", "heartbeat_seconds = 1")
}

async fn a_gateway_goes_on_when_its_clock_steps(gateway: &mut TestGateway) -> Result<()> {
    let clock = WallClock::of(gateway)?;
    let s3 = gateway.root();
    s3.create_bucket("steps").await?;
    let load = Arc::new(Load::default());
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(s3.clone(), writer, Arc::clone(&load))));
    let writers: Vec<_> = writers.collect();
    // Signatures of the right time are good for a quarter of an hour.
    for ahead in [MINUTES, 0, -MINUTES, 0] {
        clock.set_ahead(ahead)?;
        acknowledges(&load).await?;
    }
    for ahead in [HOUR, -HOUR, 0] {
        clock.set_ahead(ahead)?;
        load.ahead.store(ahead, Ordering::Relaxed);
        if ahead != 0 {
            s3.put("steps", "right time", "x").await?.refused(403, "RequestTimeTooSkewed")?;
        }
        acknowledges(&load).await?;
    }
    load.done.store(true, Ordering::Relaxed);
    let log = gateway.log();
    for sign in ["lease expired", "this incarnation was marked dead", "beginning a new incarnation"] {
        ensure!(!log.contains(sign), "it took itself for dead: {sign}");
    }
    for (writer, task) in (0..).zip(writers) {
        for turn in task.await?? {
            let found = s3.get("steps", &format!("{writer}/{turn}")).await?.ok()?;
            ensure!(found.body == content(writer, turn), "{writer}/{turn}");
        }
    }
    Ok(())
}

/// Writes one key after the other until the work is done: those that were acknowledged. A signature may miss a step.
async fn write(s3: S3, writer: u64, load: Arc<Load>) -> Result<Vec<u64>> {
    let mut acknowledged = Vec::new();
    for turn in 0.. {
        if load.done.load(Ordering::Relaxed) {
            break;
        }
        let s3 = s3.with_clock_ahead(load.ahead.load(Ordering::Relaxed));
        let reply = s3.put("steps", &format!("{writer}/{turn}"), content(writer, turn)).await?;
        if reply.status == 403 {
            reply.refused(403, "RequestTimeTooSkewed")?;
            continue;
        }
        reply.ok()?;
        acknowledged.push(turn);
        load.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    Ok(acknowledged)
}

/// Waits for writes over a time in which a lease is renewed, and expired ones are looked for, several times.
async fn acknowledges(load: &Load) -> Result<()> {
    let (began, mut acknowledged) = (Instant::now(), load.acknowledged.load(Ordering::Relaxed));
    wait_until("writes are acknowledged for some time", async || {
        let now = load.acknowledged.load(Ordering::Relaxed);
        let goes_on = now > acknowledged;
        acknowledged = now;
        Ok((goes_on && began.elapsed().as_secs() > LEASE).then_some(()))
    })
    .await
}

fn content(writer: u64, turn: u64) -> String {
    format!("{writer} wrote {turn}")
}

async fn what_is_written_last_is_current_whatever_the_clock_says(gateway: &mut TestGateway) -> Result<()> {
    let clock = WallClock::of(gateway)?;
    let s3 = gateway.root();
    s3.create_bucket("steps").await?;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    s3.request(Method::PUT, "/steps").query("versioning", "").body(enabled).send().await?.ok()?;
    let mut ids = Vec::new();
    for ahead in [0, HOUR, -HOUR, -2 * HOUR] {
        clock.set_ahead(ahead)?;
        if ahead < 0 {
            gateway.restart()?;
        }
        let s3 = s3.with_clock_ahead(ahead);
        let put = s3.put("steps", "key", ahead.to_string()).await?.ok()?;
        ids.insert(0, put.header("x-amz-version-id").to_owned());
        ensure!(s3.get("steps", "key").await?.ok()?.body == ahead.to_string(), "{ahead} is not current");
    }
    let s3 = s3.with_clock_ahead(-2 * HOUR);
    let listed = s3.request(Method::GET, "/steps").query("versions", "").send().await?.ok()?;
    ensure!(listed.texts_of("VersionId") == ids, "{ids:?} are listed as {}", listed.text());
    s3.delete("steps", "key").await?.ok()?;
    s3.get("steps", "key").await?.refused(404, "NoSuchKey")
}
