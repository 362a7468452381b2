//! Clients whose account is out of funds: none of them tries for long, each says what is missing and where to pay, and what is there can be read.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use harness::{
    Clients, Database, Payload, Program, Scheme, Settings, TestGateway, on_both, same_tree, wait_until, write_tree,
};
use serde_json::Value;

on_both!(charged => clients_give_up_and_say_what_is_missing, a_backup_ends_and_says_what_is_missing);

/// One epoch of a day, in which money is charged and nobody has any.
fn charged(database: Database) -> Settings {
    Settings::new(database)
        .env("HAULOUT_EPOCH", "86400")
        .set("money", "mode = \"on\"")
        .set("money", "endowment = 0")
        .set("money", "pay_at = \"https://pay.example/haulout\"")
}

/// Runs a client that is refused, and may take so long; what it says of it.
async fn refused(client: Program, most: Duration) -> Result<String> {
    let began = Instant::now();
    let said = client.fails().await?;
    ensure!(said.contains("InsufficientFunds") || said.contains("are missing"), "{said}");
    ensure!(began.elapsed() < most, "it tried for {:?}: {said}", began.elapsed());
    Ok(said)
}

async fn clients_give_up_and_say_what_is_missing(gateway: &mut TestGateway) -> Result<()> {
    gateway.root().create_bucket("paid").await?;
    let file = gateway.scratch("files").join("file");
    std::fs::write(&file, vec![3; 100_000])?;
    let path = file.to_string_lossy().into_owned();
    let clients = gateway.clients(Scheme::Http);
    let said = refused(clients.aws(&["s3", "cp", &path, "s3://paid/aws"]), Duration::from_secs(20)).await?;
    ensure!(said.contains("InsufficientFunds") && said.contains("are missing"), "{said}");
    let rclone = clients.rclone(&["copyto", &path, "haulout:paid/rclone"]);
    let said = refused(rclone, Duration::from_secs(30)).await?;
    ensure!(said.contains("InsufficientFunds"), "{said}");
    clients.python("boto3_out_of_funds.py").ok().await?;
    clients.node("out_of_funds.cjs").ok().await.map(drop)
}

/// restic tries whatever fails ten times, over a minute.
const RESTIC: Duration = Duration::from_secs(120);

async fn a_backup_ends_and_says_what_is_missing(gateway: &mut TestGateway) -> Result<()> {
    gateway.root().create_bucket("backups").await?;
    let tree = gateway.scratch("tree");
    write_tree(&tree)?;
    let source = tree.display().to_string();
    says_what_is_missing(&gateway.clients(Scheme::Http), &["init"]).await?;

    gateway.haulout(&["account", "credit", "root", "1WAL", "--reference", "statement 1"]).ok().await?;
    wait_until("the payment is seen", async || {
        Ok((gateway.root().put("backups", "probe", "x").await?.status == 200).then_some(()))
    })
    .await?;
    gateway.root().delete("backups", "probe").await?.ok()?;
    let clients = gateway.clients(Scheme::Http);
    clients.restic("backups", &["init"]).ok().await?;
    clients.restic("backups", &["backup", &source]).ok().await?;

    let account: Value = serde_json::from_str(&gateway.haulout(&["account", "root", "--json"]).ok().await?)?;
    let free = account[0]["free"].as_u64().context("what it has")?.to_string();
    gateway.haulout(&["account", "payout", "root", &free, "--reference", "statement 2"]).ok().await?;
    std::fs::write(tree.join("film"), Payload::new("film", 1, 40_000_000).bytes())?;
    wait_until("the payout is seen", async || {
        Ok((gateway.root().put("backups", "probe", vec![1; 30_000_000]).await?.status == 402).then_some(()))
    })
    .await?;
    says_what_is_missing(&clients, &["backup", &source]).await?;

    // What was backed up before can be listed and restored.
    clients.restic("backups", &["--no-lock", "snapshots"]).ok().await?;
    std::fs::remove_file(tree.join("film"))?;
    let back = gateway.scratch("restored");
    clients.restic("backups", &["--no-lock", "restore", "latest", "--target", &back.to_string_lossy()]).ok().await?;
    same_tree(&tree, &back.join(tree.strip_prefix("/")?))
}

async fn says_what_is_missing(clients: &Clients<'_>, arguments: &[&str]) -> Result<()> {
    let said = refused(clients.restic("backups", arguments), RESTIC).await?;
    ensure!(said.contains("are missing") && said.contains("https://pay.example/haulout"), "{said}");
    Ok(())
}
