//! While lost slivers are being rebuilt another backend goes: what is nearest to its end is saved first, then all the rest, and nothing is
//! missing.
//!
//! Takes a program with the feature `failpoints`, as `failpoints.rs` beside this does.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Payload, Settings, TestGateway, run_scenario, wait_until};
use serde_json::Value;

const BUCKET: &str = "twice";

/// Blobs of their own. Of eight backends six have a sliver of each, so that after two losses about half have no more than they need.
const OBJECTS: u64 = 48;

#[test]
fn a_second_loss_in_the_midst_of_a_repair_on_sqlite() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn a_second_loss_in_the_midst_of_a_repair_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

fn run(database: Database) -> Result<()> {
    let Some(program) = std::env::var_os("HAULOUT_FAILPOINTS_BIN") else {
        eprintln!("HAULOUT_FAILPOINTS_BIN names no program with failpoints: nothing was tested");
        return Ok(());
    };
    let settings = Settings::new(database)
        .folders(8)
        .set("objects", "heartbeat_seconds = 1")
        // So slow that what may wait is seen to wait.
        .set("objects", "repair_bytes_per_second = 8_000_000")
        .set("scrub", "days = 0")
        .set("audit", "enabled = false");
    run_scenario(settings.program(program.into()), a_second_backend_is_lost)
}

fn payload(number: u64) -> Payload {
    Payload::new(BUCKET, number, 1_200_000)
}

/// Blobs whose next loss is their end, and blobs that may lose more.
async fn queue(gateway: &TestGateway) -> Result<(u64, u64)> {
    // It answers 1 while something waits.
    let shown = gateway.haulout(&["repair", "status", "--json"]).run().await?.stdout;
    let status: Value = serde_json::from_str(&shown).with_context(|| shown.clone())?;
    let number = |name: &str| status[name].as_u64().with_context(|| format!("{name} in {shown}"));
    Ok((number("last")?, number("endangered")?))
}

async fn a_second_backend_is_lost(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket(BUCKET).await?;
    for number in 0..OBJECTS {
        s3.put(BUCKET, &number.to_string(), payload(number).bytes()).await?.ok()?;
    }
    gateway.reconfigure(|settings| settings.env("FAILPOINTS", "repair-announced=1*return(delay)->off"))?;
    gateway.restart()?;
    gateway.destroy(1)?;
    gateway.haulout(&["backend", "remove", "b1", "--lost"]).run().await?;
    wait_until("a repair has announced slivers, and takes its time", async || {
        Ok((gateway.strikes("repair-announced") > 0).then_some(()))
    })
    .await?;
    gateway.destroy(2)?;
    gateway.haulout(&["backend", "remove", "b2", "--lost"]).run().await?;

    let (most, _) = queue(gateway).await?;
    ensure!(most > 0, "some blobs have slivers on both");
    let waiting = wait_until("what has no more than it needs is saved", async || {
        let (last, endangered) = queue(gateway).await?;
        Ok((last == 0).then_some(endangered))
    })
    .await?;
    ensure!(waiting > 0, "what may lose one more waited for it");
    wait_until("all is whole", async || {
        let (last, endangered) = queue(gateway).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok((last + endangered == 0).then_some(()))
    })
    .await?;

    gateway.reconfigure(|settings| settings.env("FAILPOINTS", "").without_backend("b1").without_backend("b2"))?;
    gateway.restart()?;
    gateway.wait_for_collection().await?;
    for number in 0..OBJECTS {
        let reply = s3.get(BUCKET, &number.to_string()).await?.ok()?;
        ensure!(reply.body == payload(number).bytes(), "object {number} came back wrong");
    }
    Ok(())
}
