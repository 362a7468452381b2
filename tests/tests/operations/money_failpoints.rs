//! Gateways are killed at every step of an epoch of money, two of them on one database where it can have two: each bucket is charged once for
//! each epoch, each epoch is settled and published once, and everything sums to zero.
//!
//! Takes a program with the feature `failpoints`, as `tests/tests/durability/failpoints.rs` does. By hand, twice at each point:
//! `HAULOUT_PASSES=2 tests/run money_failpoints`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use anyhow::{Context as _, Result, ensure};
use backends::failpoint::MONEY_POINTS;
use harness::{Database, Settings, TestGateway, number_from_environment, run_scenario, wait_until};
use serde_json::Value;

const BUCKETS: [&str; 3] = ["first", "second", "third"];

#[test]
fn an_epoch_is_charged_and_settled_once_whatever_is_killed_on_sqlite() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn an_epoch_is_charged_and_settled_once_by_two_that_are_killed_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

fn run(database: Database) -> Result<()> {
    let Some(program) = std::env::var_os("HAULOUT_FAILPOINTS_BIN") else {
        eprintln!("HAULOUT_FAILPOINTS_BIN names no program with failpoints: nothing was tested");
        return Ok(());
    };
    let settings = Settings::new(database)
        .env("HAULOUT_EPOCH", "2")
        .set("money", "mode = \"on\"")
        .set("money", "unconfirmed_epochs = 1000");
    run_scenario(settings.program(program.into()), async |gateway| {
        // SQLite serves one gateway process.
        let mut other = match database {
            Database::Postgres => Some(gateway.start_beside().await?),
            _ => None,
        };
        let written = write_and_kill(gateway, other.as_mut()).await?;
        if let Some(mut other) = other {
            other.stop()?;
        }
        everything_was_done_once(gateway, written).await
    })
}

async fn json(gateway: &TestGateway, arguments: &[&str]) -> Result<Value> {
    let arguments = [arguments, &["--json"]].concat();
    Ok(serde_json::from_str(&gateway.haulout(&arguments).ok().await?)?)
}

fn number(value: &Value, key: &str) -> Result<u64> {
    value[key].as_u64().with_context(|| format!("{key} in {value}"))
}

/// How often a point struck.
fn strikes(gateway: &TestGateway, point: &str) -> usize {
    gateway.log().matches(&format!("passed the point {point}\n")).count()
}

async fn current_epoch(gateway: &TestGateway) -> Result<u64> {
    number(&json(gateway, &["epoch"]).await?[0], "number")
}

/// Kills a gateway at each point and, where there is another, both at the same one. The answer is an epoch in which content lies in every
/// bucket.
async fn write_and_kill(gateway: &mut TestGateway, mut other: Option<&mut TestGateway>) -> Result<u64> {
    for bucket in BUCKETS {
        gateway.root().create_bucket(bucket).await?;
        gateway.root().put(bucket, "kept", vec![1; 3 << 20]).await?.ok()?;
    }
    // The next one may have begun, and nobody have written it down yet.
    let written = current_epoch(gateway).await? + 1;
    for point in MONEY_POINTS {
        for turn in 0..number_from_environment("HAULOUT_PASSES", 1) {
            // A write for which a larger hold is needed.
            let put = gateway.root().put("first", &format!("{point} {turn}"), vec![2; 1 << 20]).await;
            ensure!(put.is_ok_and(|reply| reply.status == 200), "writes go on: {point} {turn}");
            let armed = format!("{point}=1*return(kill)->off");
            let before = strikes(gateway, point) + other.as_ref().map_or(0, |other| strikes(other, point));
            arm(gateway, &armed)?;
            if let Some(other) = other.as_mut() {
                arm(other, &armed)?;
            }
            // What one did is done: it strikes the other in a later epoch.
            let wanted = before + 1 + usize::from(other.is_some());
            wait_until(&armed, async || {
                let struck = strikes(gateway, point) + other.as_ref().map_or(0, |other| strikes(other, point));
                Ok((struck >= wanted).then_some(()))
            })
            .await?;
            arm(gateway, "")?;
            if let Some(other) = other.as_mut() {
                arm(other, "")?;
            }
        }
    }
    Ok(written)
}

/// Starts it again with a point armed; it may strike before the gateway is ready.
fn arm(gateway: &mut TestGateway, armed: &str) -> Result<()> {
    gateway.reconfigure(|settings| settings.env("FAILPOINTS", armed))?;
    if armed.is_empty() {
        return gateway.restart();
    }
    let _ = gateway.restart();
    Ok(())
}

async fn everything_was_done_once(gateway: &mut TestGateway, written: u64) -> Result<()> {
    let killed = current_epoch(gateway).await?;
    wait_until("all that were killed in are settled and published", async || {
        let log = json(gateway, &["ledger", "checkpoint"]).await?;
        Ok((log["checkpoint"]["epoch"].as_u64() > Some(killed)).then_some(()))
    })
    .await?;
    let folder = gateway.scratch("log").to_string_lossy().into_owned();
    gateway.haulout(&["ledger", "export", "--out", &folder]).ok().await?;
    gateway.haulout(&["ledger", "verify", &folder]).ok().await?;
    gateway.stop()?;
    for bucket in BUCKETS {
        let bills = json(gateway, &["invoice", bucket]).await?;
        let bills = bills.as_array().context("a list")?;
        let epochs = bills.iter().map(|bill| number(bill, "epoch")).collect::<Result<BTreeSet<_>>>()?;
        ensure!(epochs.len() == bills.len(), "{bucket} is billed once for an epoch: {bills:?}");
        each_epoch_is_billed_for_what_lay_there(bucket, bills, written..=killed)?;
    }
    let accounts = json(gateway, &["account"]).await?;
    let sum: i64 = accounts.as_array().context("a list")?.iter().filter_map(|one| one["balance"].as_i64()).sum();
    ensure!(sum == 0, "the ledger balances: {accounts}");
    gateway.restart()
}

/// Since content lies in a bucket each epoch is billed, newest first. What was written once costs the same in each, but in the first, which it
/// came in.
fn each_epoch_is_billed_for_what_lay_there(bucket: &str, bills: &[Value], epochs: RangeInclusive<u64>) -> Result<()> {
    let held: Vec<_> = bills.iter().filter(|bill| bill["byte_micros"] != "0").collect();
    let (newest, oldest) = held.first().zip(held.last()).with_context(|| format!("{bucket} is never billed"))?;
    ensure!(
        number(oldest, "epoch")? <= *epochs.start() && number(newest, "epoch")? >= *epochs.end(),
        "{bucket} is billed from the first to the last of {epochs:?}: {bills:?}"
    );
    for pair in held.windows(2) {
        ensure!(
            number(pair[0], "epoch")? == number(pair[1], "epoch")? + 1,
            "{bucket} is billed for each epoch: {pair:?}"
        );
    }
    if bucket != BUCKETS[0] {
        let later = &held[..held.len() - 1];
        ensure!(
            later.iter().all(|bill| bill["byte_micros"] == later[0]["byte_micros"]),
            "{bucket} holds the same in each epoch: {later:?}"
        );
    }
    Ok(())
}
