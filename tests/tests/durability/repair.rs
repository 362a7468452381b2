//! Lost slivers are rebuilt: after degraded writes, after damage, after a disk was replaced.

use std::fs;

use anyhow::{Result, ensure};
use harness::{Database, Payload, S3, Settings, TestGateway, on_both, on_sqlite, wait_until};

on_both!(degraded_writes_are_completed_when_the_backend_is_back);
on_both!(without_scrubbing => decay_that_no_read_meets_is_repaired, what_a_check_finds_is_repaired_if_asked_for);
on_sqlite!(a_replaced_disk_is_filled_again, damage_that_a_read_notices_is_repaired);

fn payloads() -> Vec<Payload> {
    [1, 4_096, 1 << 20, 5_000_000].into_iter().map(|size| Payload::new(&size.to_string(), 1, size)).collect()
}

async fn fill(s3: &S3) -> Result<()> {
    s3.create_bucket("lost").await?;
    for payload in payloads() {
        s3.put("lost", &payload.len.to_string(), payload.bytes()).await?.ok()?;
    }
    Ok(())
}

async fn read_all(s3: &S3) -> Result<()> {
    for payload in payloads() {
        let reply = s3.get("lost", &payload.len.to_string()).await?.ok()?;
        ensure!(reply.body == payload.bytes(), "{} bytes came back wrong", payload.len);
    }
    Ok(())
}

/// Any two others may go afterwards.
async fn survives_the_loss_of(gateway: &mut TestGateway, s3: &S3, others: [usize; 2]) -> Result<()> {
    for number in others {
        gateway.take_away(number)?;
    }
    read_all(s3).await?;
    for number in others {
        gateway.bring_back(number)?;
    }
    gateway.wait_for_backends().await
}

async fn degraded_writes_are_completed_when_the_backend_is_back(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    gateway.take_away(4)?;
    fill(&s3).await?;
    gateway.bring_back(4)?;
    gateway.wait_for_backends().await?;
    gateway.wait_for_repair().await?;
    survives_the_loss_of(gateway, &s3, [1, 2]).await
}

async fn a_replaced_disk_is_filled_again(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    gateway.destroy(2)?;
    gateway.bring_back_empty(2)?;
    gateway.haulout(&["backend", "accept", "b2"]).ok().await?;
    gateway.wait_for_repair().await?;
    survives_the_loss_of(gateway, &s3, [5, 6]).await
}

async fn damage_that_a_read_notices_is_repaired(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    let mut harmed = 0;
    for sliver in gateway.slivers_of(3)? {
        let mut bytes = fs::read(&sliver)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        fs::write(&sliver, bytes)?;
        harmed += 1;
    }
    ensure!(harmed > 0, "b3 holds something");
    gateway.restart()?;
    // A sliver of parity is read when others are away.
    gateway.take_away(1)?;
    gateway.restart_without_backends()?;
    read_all(&s3).await?;
    gateway.bring_back(1)?;
    gateway.wait_for_backends().await?;
    read_all(&s3).await?;
    gateway.take_away(2)?;
    read_all(&s3).await?;
    gateway.bring_back(2)?;
    gateway.wait_for_backends().await?;
    // What no read has met is still damaged; what one has met is sound again.
    wait_until(&format!("some of {harmed} damaged slivers are repaired"), async || {
        Ok((gateway.check(true).await?.wrong() < harmed).then_some(()))
    })
    .await?;
    gateway.leaves_damage();
    read_all(&s3).await
}

fn without_scrubbing(database: Database) -> Settings {
    Settings::new(database).set("scrub", "days = 0")
}

/// Flips a bit in every sliver of one backend and takes half of another's away.
async fn decay(gateway: &TestGateway) -> Result<()> {
    for sliver in gateway.slivers_of(3)? {
        let mut bytes = fs::read(&sliver)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        fs::write(&sliver, bytes)?;
    }
    for sliver in gateway.slivers_of(5)?.iter().step_by(2) {
        fs::remove_file(sliver)?;
    }
    ensure!(gateway.check(true).await?.wrong() > 0, "a deep check finds what was damaged");
    Ok(())
}

/// The round that begins then finds all of it.
async fn decay_that_no_read_meets_is_repaired(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    decay(gateway).await?;
    gateway.reconfigure(|settings| settings.set("scrub", "days = 1"))?;
    gateway.restart()?;
    gateway.wait_for_repair().await?;
    gateway.wait_for_log("every sliver on own disks was read and proven").await?;
    survives_the_loss_of(gateway, &s3, [1, 2]).await
}

/// A check changes nothing by itself. One that may repair leaves alone what is merely away, and what it asks for is done once.
async fn what_a_check_finds_is_repaired_if_asked_for(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    gateway.take_away(1)?;
    let away = gateway.haulout(&["check", "--repair", "--json"]).run().await?;
    ensure!(away.stdout.contains("\"repairing\": 0"), "{}", away.describe());
    gateway.bring_back(1)?;
    gateway.wait_for_backends().await?;
    decay(gateway).await?;
    let shown = gateway.haulout(&["check", "--deep", "--repair"]).fails().await?;
    ensure!(shown.contains("will be rebuilt"), "{shown}");
    gateway.wait_for_repair().await?;
    survives_the_loss_of(gateway, &s3, [1, 2]).await
}
