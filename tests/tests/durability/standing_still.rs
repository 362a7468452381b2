//! A gateway stands still for longer than its lease: a laptop that slept, a machine that was paused.

use anyhow::{Context, Result, ensure};
use harness::{Database, Settings, TestGateway, on_postgres, on_sqlite, wait_until};

on_sqlite!(short_lease => a_lone_gateway_that_stood_still_goes_on);
on_postgres!(short_lease => a_gateway_that_stood_still_beside_another_ends_and_begins_anew);

/// Seconds of a lease.
const LEASE: u64 = 2;

fn short_lease(database: Database) -> Settings {
    Settings::new(database).set("debug", &format!("lease_seconds = {LEASE}"))
}

/// Its lock on the file fences it: nobody else can have written, so nothing of it is lost.
async fn a_lone_gateway_that_stood_still_goes_on(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("still").await?;
    s3.put("still", "before", "before").await?.ok()?;
    for round in 0..2 {
        gateway.pause()?;
        let (meanwhile, stood_still) = (s3.clone(), std::time::Instant::now());
        let put = tokio::spawn(async move { meanwhile.put("still", "meanwhile", "meanwhile").await });
        wait_until("the lease has expired twice over", async || {
            Ok((stood_still.elapsed().as_secs() > 2 * LEASE).then_some(()))
        })
        .await?;
        gateway.resume()?;
        put.await?.context("a request that came while it stood still")?.ok()?;
        s3.put("still", &format!("after {round}"), "after").await?.ok()?;
        // Longer than it takes to renew the lease, and to look for expired ones.
        let goes_on = std::time::Instant::now();
        wait_until("it has served for some time", async || {
            s3.put("still", "later", "later").await?.ok()?;
            Ok((goes_on.elapsed().as_secs() > LEASE).then_some(()))
        })
        .await?;
    }
    let log = gateway.log();
    ensure!(!log.contains("lease expired") && !log.contains("beginning a new incarnation"), "it buried itself");
    for key in ["before", "meanwhile", "after 0", "after 1", "later"] {
        let expected = key.split(' ').next().unwrap_or_default();
        ensure!(s3.get("still", key).await?.ok()?.body == expected, "{key}");
    }
    Ok(())
}

/// The other one has marked it dead, so that nothing it had under way can be committed: it must not go on as if nothing had been.
async fn a_gateway_that_stood_still_beside_another_ends_and_begins_anew(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("still").await?;
    s3.put("still", "before", "before").await?.ok()?;
    let other = gateway.start_beside().await?;
    let beside = other.root();
    ensure!(beside.get("still", "before").await?.ok()?.body == "before");

    gateway.pause()?;
    let meanwhile = s3.clone();
    let put = tokio::spawn(async move { meanwhile.put("still", "meanwhile", "meanwhile").await });
    other.wait_for_log("leases of other gateways expired").await?;
    beside.put("still", "beside", "beside").await?.ok()?;
    gateway.resume()?;
    let acknowledged = matches!(put.await?, Ok(reply) if reply.status == 200);
    let log = gateway.wait_for_log("beginning a new incarnation").await?;
    ensure!(log.contains("this incarnation was marked dead"), "{log}");

    wait_until("it serves again", async || {
        Ok(s3.put("still", "after", "after").await.is_ok_and(|reply| reply.status == 200).then_some(()))
    })
    .await?;
    for key in ["before", "beside", "after"] {
        ensure!(s3.get("still", key).await?.ok()?.body == key && beside.get("still", key).await?.ok()?.body == key);
    }
    let found = s3.get("still", "meanwhile").await?;
    ensure!(!acknowledged || found.body == "meanwhile", "an acknowledged write is gone");
    other.finish().await
}
