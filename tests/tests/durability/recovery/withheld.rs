//! Backends that withhold the end of the journal: whoever rebuilds the database learns of it, also when nothing is rebuilt yet.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Payload, Settings, TestGateway, on_both};
use serde_json::Value;

on_both!(often => a_withheld_end_is_named);

fn often(database: Database) -> Settings {
    Settings::new(database).set("objects", "heartbeat_seconds = 1")
}

/// The blob of a sliver's file, without its incarnation: the time when it was begun comes first.
fn begun(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().get(8..32).unwrap_or_default().to_owned()
}

/// Deletes the journal on these backends, but for the first snapshot and the first segment.
fn withhold(gateway: &TestGateway, numbers: impl IntoIterator<Item = usize>) -> Result<()> {
    let numbers: Vec<_> = numbers.into_iter().collect();
    let mut blobs = BTreeSet::new();
    for number in &numbers {
        blobs.extend(gateway.journal_of(*number)?.iter().map(|path| begun(path)));
    }
    let kept: BTreeSet<_> = blobs.into_iter().take(2).collect();
    for number in numbers {
        for path in gateway.journal_of(number)?.iter().filter(|path| !kept.contains(&begun(path))) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

async fn recover(gateway: &TestGateway, more: &[&str]) -> Result<Value> {
    let arguments: Vec<_> = ["recover", "--json"].iter().chain(more).copied().collect();
    let outcome = gateway.haulout(&arguments).run().await?;
    ensure!(outcome.code == 1, "something is missing: {}", outcome.describe());
    serde_json::from_str(&outcome.stdout).with_context(|| outcome.describe())
}

async fn a_withheld_end_is_named(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    for round in 0..3 {
        s3.put("kept", "key", Payload::new("key", round, 3_000).bytes()).await?.ok()?;
        gateway.wait_for_journal().await?;
    }
    gateway.wait_for_heartbeats(1..=6).await?;
    gateway.kill();
    gateway.lose_database().await?;

    // One backend is honest, which is not enough to read anything.
    withhold(gateway, 1..=5)?;
    let report = recover(gateway, &["--dry-run"]).await?;
    let unreadable = report["unreadable_records"].to_string();
    ensure!(unreadable.contains("none of it is on b1, b2, b3, b4, b5"), "{report}");
    withhold(gateway, [6])?;
    for arguments in [&["--dry-run"][..], &[]] {
        let report = recover(gateway, arguments).await?;
        let missing = &report["segments_missing"];
        ensure!(missing["from"].as_u64() == report["last_segment"].as_u64().map(|last| last + 1), "{report}");
        ensure!(missing["to"].as_u64() >= missing["from"].as_u64(), "{report}");
        ensure!(missing["recorded_by"].as_array().is_some_and(|by| !by.is_empty()), "{report}");
    }
    gateway.restart()?;
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await
}
