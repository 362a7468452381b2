//! The cluster key was rotated and the old one thrown away, and then the database is lost.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Payload, S3, Settings, TestGateway, on_postgres};
use serde_json::Value;

on_postgres!(usual => the_newest_key_alone_is_enough);

fn usual(database: Database) -> Settings {
    Settings::new(database)
}

async fn put(s3: &S3, key: &str) -> Result<()> {
    s3.put("kept", key, Payload::new(key, 1, 3_000).bytes()).await?.ok().map(drop)
}

/// Two gateways: one of them writes the journal, and the keys are rotated at the other one.
async fn the_newest_key_alone_is_enough(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, "before").await?;
    let newest = format!("2 {}\n", "c2".repeat(32));
    let mut other = gateway.start_beside().await?;
    for one in [&mut *gateway, &mut other] {
        let file = one.data().join("cluster.key");
        let keys = fs::read_to_string(&file)?;
        ensure!(keys.lines().count() == 1, "there is one key: {} lines", keys.lines().count());
        fs::write(&file, format!("{keys}{newest}"))?;
    }
    // The first time one of the two wraps with the old key until it is started again.
    for _ in 0..2 {
        gateway.restart()?;
        other.restart()?;
        other.haulout(&["keys", "rotate", "cluster"]).ok().await?;
    }
    put(&other.root(), "after").await?;
    gateway.wait_for_journal().await?;
    other.finish().await?;
    gateway.stop()?;
    gateway.lose_database().await?;
    fs::write(gateway.data().join("cluster.key"), newest)?;

    let outcome = gateway.haulout(&["recover", "--json"]).run().await?;
    let report: Value = serde_json::from_str(&outcome.stdout).with_context(|| outcome.describe())?;
    ensure!(outcome.code == 0, "nothing is missing: {report}");
    gateway.restart()?;
    for key in ["before", "after"] {
        ensure!(s3.get("kept", key).await?.ok()?.body == Payload::new(key, 1, 3_000).bytes(), "{key}");
    }
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await
}
