//! Backends disappear while data is read and written: two of six may, the third makes errors, never wrong bytes.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use harness::{Payload, S3, TestGateway, on_both, on_sqlite};

on_both!(two_of_six_are_destroyed_while_reading, what_is_missing_is_named, the_third_loss_is_an_error_not_a_lie);
on_sqlite!(writing_goes_on_without_one_but_not_without_two, damaged_slivers_are_noticed_and_not_served);

fn payloads() -> Vec<Payload> {
    let sizes = [0, 1, 100, 4_096, 70_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000];
    sizes.into_iter().map(|size| Payload::new(&size.to_string(), 1, size)).collect()
}

async fn fill(s3: &S3) -> Result<()> {
    s3.create_bucket("lost").await?;
    let puts = payloads()
        .into_iter()
        .map(|payload| async move { s3.put("lost", &payload.len.to_string(), payload.bytes()).await?.ok().map(drop) });
    try_join_all(puts).await.map(drop)
}

async fn read_all(s3: &S3) -> Result<()> {
    for payload in payloads() {
        let reply = s3.get("lost", &payload.len.to_string()).await?.ok()?;
        ensure!(reply.body == payload.bytes(), "{} bytes came back wrong", payload.len);
    }
    Ok(())
}

async fn two_of_six_are_destroyed_while_reading(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    let readers = (0..4).map(|_| {
        let s3 = s3.clone();
        tokio::spawn(async move {
            for _ in 0..6 {
                read_all(&s3).await?;
            }
            anyhow::Ok(())
        })
    });
    let readers: Vec<_> = readers.collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    gateway.destroy(2)?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    gateway.destroy(5)?;
    for reader in readers {
        reader.await??;
    }
    gateway.restart_without_backends()?;
    read_all(&s3).await?;
    gateway.leaves_damage();
    Ok(())
}

async fn what_is_missing_is_named(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    gateway.check(true).await?.must_be_clean()?;
    let lost = gateway.slivers_of(2)?.len() + gateway.slivers_of(5)?.len();
    gateway.destroy(2)?;
    gateway.destroy(5)?;
    gateway.check(false).await?.must_complain()?;
    gateway.bring_back_empty(2)?;
    gateway.bring_back_empty(5)?;
    let report = gateway.check(true).await?;
    let said = report.must_complain()?;
    ensure!(said.contains("b2") && said.contains("b5"), "{said}");
    ensure!(report.missing() == lost, "{lost} slivers are gone, check counts {}: {said}", report.missing());
    gateway.leaves_damage();
    Ok(())
}

async fn the_third_loss_is_an_error_not_a_lie(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    for number in [1, 3, 6] {
        gateway.take_away(number)?;
    }
    gateway.restart_without_backends()?;
    let mut refused = 0;
    for payload in payloads() {
        // A reply that breaks off is an error too: it is a visible one.
        let Ok(reply) = s3.get("lost", &payload.len.to_string()).await else {
            refused += 1;
            continue;
        };
        match reply.status {
            200 => ensure!(reply.body == payload.bytes(), "{} bytes came back wrong", payload.len),
            503 => refused += 1,
            _ => return reply.ok().map(drop),
        }
    }
    ensure!(refused > 0, "four of six are needed, and three are there");
    for number in [1, 3, 6] {
        gateway.bring_back(number)?;
    }
    gateway.wait_for_backends().await?;
    read_all(&s3).await
}

async fn writing_goes_on_without_one_but_not_without_two(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("lost").await?;
    let payload = Payload::new("written", 1, 2_000_000);
    gateway.take_away(4)?;
    s3.put("lost", "with five", payload.bytes()).await?.ok()?;
    s3.put("lost", "small with five", "small").await?.ok()?;
    gateway.take_away(5)?;
    for (key, body) in [("with four", payload.bytes()), ("small with four", "small".into())] {
        let refused = s3.put("lost", key, body).await?;
        ensure!(refused.status == 503 && !refused.header("retry-after").is_empty(), "{refused:?}");
    }
    ensure!(s3.list("lost", &[]).await?.0 == ["small with five", "with five"], "what was refused is not there");
    ensure!(s3.get("lost", "with five").await?.ok()?.body == payload.bytes(), "four of its five slivers are enough");
    gateway.bring_back(4)?;
    gateway.bring_back(5)?;
    gateway.wait_for_backends().await?;
    s3.put("lost", "with six", "all").await?.ok()?;
    gateway.leaves_damage(); // two blobs have five slivers and wait for repair
    Ok(())
}

async fn damaged_slivers_are_noticed_and_not_served(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    for (number, damage) in [(1, 0), (4, 1)] {
        for sliver in gateway.slivers_of(number)? {
            let mut bytes = fs::read(&sliver)?;
            let middle = bytes.len() / 2;
            match damage {
                0 => bytes[middle] ^= 0x40,
                _ => bytes.truncate(middle),
            }
            fs::write(&sliver, bytes)?;
        }
    }
    gateway.restart()?;
    read_all(&s3).await?;
    gateway.check(true).await?.must_complain()?;
    gateway.leaves_damage();
    Ok(())
}
