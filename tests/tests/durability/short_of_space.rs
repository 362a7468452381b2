//! A disk has too little space: what was deleted goes as soon as nobody reads it, and not when its grace is over.

use anyhow::{Result, ensure};
use harness::{Database, Payload, Settings, TestGateway, on_both, on_postgres, wait_until};

on_both!(with_a_grace => deleted_bytes_go_at_once_but_for_those_that_are_read);
on_postgres!(with_a_grace => what_another_gateway_reads_stays);

const MIB: u64 = 1 << 20;

/// The grace is an hour, as it comes.
fn with_a_grace(database: Database) -> Settings {
    Settings::new(database).set("objects", "grace_seconds = 3600")
}

/// One disk is smaller than its floor.
fn short_of_space(settings: Settings) -> Settings {
    settings.option("b1", "free_floor_bytes", &(1_u64 << 60).to_string())
}

/// More than connections and buffers hold, so that most of it is still on the backends.
fn large() -> Payload {
    Payload::new("large", 1, 48 * MIB)
}

/// Slivers of blobs on a backend that has all the space it wants.
fn slivers(gateway: &TestGateway) -> Result<usize> {
    Ok(gateway.slivers_of(2)?.len())
}

async fn wait_for_slivers(gateway: &TestGateway, expected: usize) -> Result<()> {
    wait_until(&format!("{expected} slivers are left"), async || Ok((slivers(gateway)? == expected).then_some(())))
        .await
}

async fn deleted_bytes_go_at_once_but_for_those_that_are_read(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("disk").await?;
    for key in ["read", "other", "kept"] {
        s3.on(http::Method::PUT, "disk", key).streamed(large()).send().await?.ok()?;
    }
    let each = slivers(gateway)? / 3;
    gateway.reconfigure(short_of_space)?;
    gateway.restart()?;
    let s3 = gateway.root();
    let reading = s3.on(http::Method::GET, "disk", "read").begin().await?;
    for key in ["read", "other"] {
        s3.delete("disk", key).await?.ok()?;
    }
    // Both died while one was read, so both stay.
    gateway.haulout(&["collect"]).run().await?;
    ensure!(slivers(gateway)? == 3 * each, "it was deleted while it is read");
    s3.read_payload(reading, &large()).await?;
    wait_for_slivers(gateway, each).await?;
    s3.on(http::Method::GET, "disk", "kept").expect_payload(&large()).await?;
    has_space_again(gateway).await
}

/// What was written with a sliver less meanwhile, as the journal was, is made whole.
async fn has_space_again(gateway: &mut TestGateway) -> Result<()> {
    gateway.reconfigure(|settings| settings.folders(6))?;
    gateway.restart()?;
    gateway.wait_for_repair().await
}

async fn what_another_gateway_reads_stays(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("disk").await?;
    for key in ["read", "other"] {
        s3.on(http::Method::PUT, "disk", key).streamed(large()).send().await?.ok()?;
    }
    let before = slivers(gateway)?;
    let other = gateway.start_beside().await?;
    let beside = other.root();
    let reading = beside.on(http::Method::GET, "disk", "read").begin().await?;
    gateway.reconfigure(short_of_space)?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.delete("disk", "read").await?.ok()?;
    // The one that is short of space has none of it under way, and the other one is asked.
    gateway.haulout(&["collect"]).run().await?;
    ensure!(slivers(gateway)? == before, "it was deleted while the other gateway reads it");
    beside.read_payload(reading, &large()).await?;
    wait_for_slivers(gateway, before / 2).await?;
    s3.on(http::Method::GET, "disk", "other").expect_payload(&large()).await?;
    has_space_again(gateway).await?;
    other.finish().await
}
