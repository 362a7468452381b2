//! A node signs a price floor: in epochs with lower prices it gets nothing new, keeps what it has, and everybody can see why.

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Settings, StorageNode, TestGateway, run_scenario_between, wait_until};
use serde_json::Value;

#[test]
fn who_asks_for_more_gets_nothing_new_on_sqlite() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn who_asks_for_more_gets_nothing_new_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

fn run(database: Database) -> Result<()> {
    let settings = Settings::new(database)
        .env("HAULOUT_EPOCH", "5")
        .set("money", "mode = \"on\"")
        .set("objects", "heartbeat_seconds = 1")
        .set("objects", "heartbeat_remote_seconds = 1");
    let nothing = async |_: &mut [StorageNode]| Ok(());
    run_scenario_between(settings.scheme("rs-2-1"), 4, nothing, async |gateway, nodes, ()| story(gateway, nodes).await)
}

async fn json(gateway: &TestGateway, arguments: &[&str]) -> Result<Value> {
    let arguments = [arguments, &["--json"]].concat();
    Ok(serde_json::from_str(&gateway.haulout(&arguments).ok().await?)?)
}

/// The number of the epoch that is under way.
async fn epoch(gateway: &TestGateway) -> Result<u64> {
    json(gateway, &["epoch"]).await?[0]["number"].as_u64().context("a number")
}

async fn signed(node: &StorageNode, epoch: u64, storage: &str) -> Result<String> {
    let epoch = epoch.to_string();
    let line = node.haulout(&["price-floor", "--epoch", &epoch, "--storage", storage, "--write", "0"]).ok().await?;
    Ok(line.trim().to_owned())
}

/// Whether the prices of the epoch that is under way meet the only floor; none where no floor is in force.
async fn is_met(gateway: &TestGateway) -> Result<Option<bool>> {
    let voting = json(gateway, &["vote", "list"]).await?;
    Ok(voting["floors"][0]["is_met"].as_bool())
}

async fn write(gateway: &TestGateway, name: &str) -> Result<()> {
    for at in 0..6 {
        gateway.root().put("kept", &format!("{name}-{at}"), vec![at; 2_000_000]).await?.ok()?;
    }
    Ok(())
}

async fn story(gateway: &mut TestGateway, nodes: &mut [StorageNode]) -> Result<()> {
    gateway.root().create_bucket("kept").await?;
    write(gateway, "before").await?;
    let dear = nodes[0].name.clone();
    let before = nodes[0].slivers()?.len();
    ensure!(before > 0, "it has its share");

    // What is no good is refused, and says what would be.
    let now = epoch(gateway).await?;
    let floor = signed(&nodes[0], now + 3, "900000").await?;
    let refused = gateway.haulout(&["provider", "price-floor", &dear, &floor]).fails().await?;
    ensure!(refused.contains("provider register"), "{refused}");
    for node in nodes.iter() {
        gateway.haulout(&["provider", "register", &node.name]).ok().await?;
    }
    let other = gateway.haulout(&["provider", "price-floor", &nodes[1].name, &floor]).fails().await?;
    ensure!(other.contains("key of the node that signed it"), "{other}");
    let changed = floor.replacen(",900000,", ",800000,", 1);
    let changed = gateway.haulout(&["provider", "price-floor", &dear, &changed]).fails().await?;
    ensure!(changed.contains("signature"), "{changed}");
    for (epoch, storage, reason) in
        [(now + 3, "1WAL", "out of range"), (now, "1", "has begun"), (now + 90, "1", "sign one for")]
    {
        let line = signed(&nodes[0], epoch, storage).await?;
        let refused = gateway.haulout(&["provider", "price-floor", &dear, &line]).fails().await?;
        ensure!(refused.contains(reason), "{refused}");
    }

    // It is in force at its epoch, and then the node gets nothing.
    let floor = signed(&nodes[0], epoch(gateway).await? + 2, "900000").await?;
    gateway.haulout(&["provider", "price-floor", &dear, &floor]).ok().await?;
    let again = gateway.haulout(&["provider", "price-floor", &dear, &floor]).ok().await?;
    ensure!(again.contains("nothing changed"), "{again}");
    wait_until("the floor is in force", async || Ok((is_met(gateway).await? == Some(false)).then_some(()))).await?;
    gateway.wait_for_log("below the floor of a provider").await?;
    let held = nodes[0].slivers()?.len();
    write(gateway, "dear").await?;
    ensure!(nodes[0].slivers()?.len() == held, "it gets nothing new");
    for at in 0..6 {
        gateway.root().get("kept", &format!("before-{at}")).await?.ok()?;
    }

    // Taken back, it is in force no more at its epoch.
    let none = signed(&nodes[0], epoch(gateway).await? + 2, "0").await?;
    gateway.haulout(&["provider", "price-floor", &dear, &none]).ok().await?;
    let closed = json(gateway, &["vote", "history"]).await?;
    ensure!(closed["floors"].as_array().is_some_and(|floors| floors.len() == 2), "{closed}");
    wait_until("the floor is no more", async || Ok((is_met(gateway).await? == Some(true)).then_some(()))).await?;
    gateway.wait_for_log("meet the floor of a provider again").await?;
    write(gateway, "cheap").await?;
    ensure!(nodes[0].slivers()?.len() > held, "it gets its share again");
    published(gateway, &floor).await
}

/// What the node signed is in what was published, and that verifies.
async fn published(gateway: &TestGateway, floor: &str) -> Result<()> {
    wait_until("an epoch with the floor is published", async || {
        let folder = gateway.scratch("exports").join(format!("{}", epoch(gateway).await?));
        if folder.exists() {
            return Ok(None);
        }
        let path = folder.to_string_lossy().into_owned();
        gateway.haulout(&["ledger", "export", "--out", &path]).ok().await?;
        gateway.haulout(&["ledger", "verify", &path]).ok().await?;
        let inputs = std::fs::read_dir(folder.join("inputs"))?;
        let texts = inputs.map(|file| Ok(std::fs::read_to_string(file?.path())?)).collect::<Result<Vec<_>>>()?;
        Ok(texts.iter().any(|text| text.contains(floor)).then_some(()))
    })
    .await
}
