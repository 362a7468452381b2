//! Somebody takes the database for lost, and rebuilds one, while a gateway still runs on the old one.

use anyhow::{Result, ensure};
use harness::{Database, Payload, S3, Settings, TestGateway, on_both, wait_until};

on_both!(often => a_gateway_on_the_old_database_stops);

/// A heartbeat a second: as soon it is noticed.
fn often(database: Database) -> Settings {
    Settings::new(database).set("objects", "heartbeat_seconds = 1")
}

async fn put(s3: &S3, key: &str) -> Result<()> {
    s3.put("kept", key, Payload::new(key, 1, 3_000).bytes()).await?.ok().map(drop)
}

async fn read(s3: &S3, keys: &[&str]) -> Result<()> {
    for key in keys {
        let body = s3.get("kept", key).await?.ok()?.body;
        ensure!(body == Payload::new(key, 1, 3_000).bytes(), "{key} came back wrong");
    }
    Ok(())
}

async fn a_gateway_on_the_old_database_stops(gateway: &mut TestGateway) -> Result<()> {
    let old = gateway.root();
    old.create_bucket("kept").await?;
    put(&old, "before").await?;
    gateway.wait_for_journal().await?;
    put(&old, "late").await?;

    let (rebuilt, report) = gateway.start_rebuilt().await?;
    ensure!(report["not_taken_over"].as_array().is_some_and(Vec::is_empty), "{report}");
    let refused = async || {
        let reply = old.put("kept", "after", "x").await?;
        Ok((reply.status == 503).then(|| reply.text()))
    };
    let said = wait_until("the gateway on the old database changes nothing", refused).await?;
    ensure!(said.contains("another one was rebuilt"), "{said}");
    // It begins another incarnation, should that of the other one have its number, and closes connections for that: clients ask again.
    wait_until("a deletion is answered", async || Ok(old.delete("kept", "before").await.ok()))
        .await?
        .refused(503, "ServiceUnavailable")?;
    wait_until("a new user is answered", async || {
        Ok(old.call("iam", "CreateUser", &[("UserName", "anybody")]).await.ok())
    })
    .await?
    .refused(503, "ServiceUnavailable")?;
    gateway.haulout(&["user", "add", "anybody"]).fails().await?;
    read(&old, &["before", "late"]).await?;

    // The new one serves, before and after an operator has confirmed it.
    let new = rebuilt.root();
    read(&new, &["before", "late"]).await?;
    put(&new, "on the new one").await?;
    rebuilt.haulout(&["recover", "confirm"]).ok().await?;
    rebuilt.wait_for_collection().await?;
    put(&new, "later").await?;

    // Nor does another start help.
    gateway.restart()?;
    old.put("kept", "after", "x").await?.refused(503, "ServiceUnavailable")?;
    gateway.wait_for_heartbeats(1..=6).await?;
    old.put("kept", "after", "x").await?.refused(503, "ServiceUnavailable")?;
    read(&new, &["before", "late", "on the new one", "later"]).await?;
    // What it has of the old database is no longer there.
    gateway.leaves_damage();
    rebuilt.finish().await
}
