//! A gateway that stores on six storage nodes, in processes of their own, and on nothing else.

use anyhow::{Context as _, Result, ensure};
use harness::{
    Database, Scheme, Settings, StorageNode, TestGateway, run_scenario_between, run_scenario_on_nodes, wait_until,
};
use serde_json::Value;

macro_rules! on_six_nodes {
    ($($scenario:ident),+ $(,)?) => {
        $(mod $scenario {
            #[test]
            fn sqlite() -> anyhow::Result<()> {
                harness::run_scenario_on_nodes(harness::Database::Sqlite, 6, super::$scenario)
            }
            #[test]
            fn postgres() -> anyhow::Result<()> {
                harness::run_scenario_on_nodes(harness::Database::Postgres, 6, super::$scenario)
            }
        })+
    };
}

on_six_nodes!(two_of_six_nodes_go_away_and_come_back);

#[test]
fn used_deleted_and_audited_bytes_reconcile_on_sqlite() -> Result<()> {
    reconcile(Database::Sqlite)
}

#[test]
fn used_deleted_and_audited_bytes_reconcile_on_postgres() -> Result<()> {
    reconcile(Database::Postgres)
}

#[test]
fn a_gateway_whose_key_is_revoked_is_refused_in_clear_words() -> Result<()> {
    run_scenario_on_nodes(Database::Sqlite, 6, a_key_is_revoked)
}

async fn two_of_six_nodes_go_away_and_come_back(gateway: &mut TestGateway, nodes: &mut [StorageNode]) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("far").await?;
    let (small, large) = (vec![3; 2000], vec![7; 9 << 20]);
    s3.put("far", "small", small.clone()).await?.ok()?;
    s3.put("far", "large", large.clone()).await?.ok()?;
    aws_moves_a_file(gateway).await?;
    gateway.check(true).await?.must_be_clean()?;

    nodes[1].kill();
    s3.put("far", "while one is away", small.clone()).await?.ok()?;
    nodes[4].kill();
    for (key, content) in [("small", &small), ("large", &large), ("while one is away", &small)] {
        ensure!(s3.get("far", key).await?.ok()?.body == *content, "{key} is read from the four that are left");
    }
    let refused = s3.put("far", "while two are away", small.clone()).await?;
    ensure!(refused.status == 503, "four of six slivers are too few: {}", refused.status);

    nodes[1].launch()?;
    nodes[4].launch()?;
    gateway.wait_for_backends().await?;
    gateway.wait_for_repair().await?;
    s3.put("far", "afterwards", large.clone()).await?.ok()?;
    ensure!(s3.get("far", "afterwards").await?.ok()?.body == large);
    Ok(())
}

/// aws-cli, with a multipart upload.
async fn aws_moves_a_file(gateway: &TestGateway) -> Result<()> {
    let (clients, folder) = (gateway.clients(Scheme::Http), gateway.scratch("aws"));
    let (sent, fetched) = (folder.join("sent"), folder.join("fetched"));
    let content: Vec<u8> = (0..20_000_000_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(&sent, &content)?;
    clients.aws(&["s3", "cp", "--quiet", &sent.to_string_lossy(), "s3://far/by/aws"]).ok().await?;
    clients.aws(&["s3", "cp", "--quiet", "s3://far/by/aws", &fetched.to_string_lossy()]).ok().await?;
    ensure!(std::fs::read(&fetched)? == content, "aws-cli reads what it wrote");
    Ok(())
}

/// Audited often enough, but seldom: what an audit comes to is written into the journal, and so onto the nodes. What is deleted stays in the trash.
fn often(database: Database) -> Settings {
    Settings::new(database)
        .set("objects", "trash_seconds = 86400")
        .set("scrub", "days = 0")
        .set("audit", "epoch_seconds = 40")
        .set("audit", "samples = 2")
        .set("audit", "reads_percent = 10")
}

fn reconcile(database: Database) -> Result<()> {
    let with_metrics = async |nodes: &mut [StorageNode]| nodes.iter_mut().try_for_each(StorageNode::show_metrics);
    run_scenario_between(often(database), 6, with_metrics, async |gateway, nodes, ()| {
        let s3 = gateway.root();
        s3.create_bucket("counted").await?;
        for number in 0..12_u32 {
            let size = if number.is_multiple_of(3) { 5_000 } else { 1_300_000 + number as usize * 70_001 };
            s3.put("counted", &number.to_string(), vec![1; size]).await?.ok()?;
        }
        every_byte_is_accounted_for(gateway, nodes).await?;
        for number in (0..12).step_by(2) {
            s3.delete("counted", &number.to_string()).await?.ok()?;
        }
        gateway.haulout(&["collect"]).ok().await?;
        every_byte_is_accounted_for(gateway, nodes).await?;
        let trash = futures::future::try_join_all(nodes.iter().map(|node| usage(node, "trash_bytes"))).await?;
        ensure!(trash.iter().all(|bytes| *bytes > 1 << 20), "everybody has deleted something: {trash:?}");
        Ok(())
    })
}

/// The gateway says of each of the nodes, to the last byte, what that says itself: what it holds, what it has deleted and keeps, what it has shown
/// in audits. All are asked at about the same moment, again until nothing changes meanwhile.
async fn every_byte_is_accounted_for(gateway: &TestGateway, nodes: &[StorageNode]) -> Result<()> {
    wait_until("gateway and nodes count the same bytes", async || {
        let before = accounts_of_gateway(gateway).await?;
        let counted = futures::future::try_join_all(nodes.iter().map(accounts_of_node)).await?;
        let is_quiet = accounts_of_gateway(gateway).await? == before;
        let has_audits = counted.iter().all(|accounts| accounts.audited > 0);
        if is_quiet && before != counted {
            eprintln!("the gateway says {before:?}, the nodes say {counted:?}");
        }
        Ok((is_quiet && has_audits && before == counted).then_some(()))
    })
    .await
}

/// Bytes of one node.
#[derive(Debug, PartialEq, Eq)]
struct Accounts {
    name: String,
    held: u64,
    deleted: u64,
    audited: u64,
}

async fn accounts_of_gateway(gateway: &TestGateway) -> Result<Vec<Accounts>> {
    let listed: Value = serde_json::from_str(&gateway.haulout(&["provider", "list", "--json"]).ok().await?)?;
    let (_, metrics) = gateway.ops("/metrics")?;
    let providers = listed.as_array().with_context(|| listed.to_string())?;
    let accounts = providers.iter().map(|provider| {
        let name = provider["name"].as_str().context("a provider has a name")?;
        let metric = |metric: &str| counter(&metrics, metric, &format!("backend=\"{name}\""));
        Ok(Accounts {
            name: name.to_owned(),
            held: provider["bytes"].as_u64().context("it holds something")?,
            deleted: metric("haulout_reclaimed_bytes_total"),
            audited: metric("haulout_audited_bytes_total"),
        })
    });
    let mut accounts = accounts.collect::<Result<Vec<_>>>()?;
    accounts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(accounts)
}

async fn accounts_of_node(node: &StorageNode) -> Result<Accounts> {
    Ok(Accounts {
        name: node.name.clone(),
        held: usage(node, "live_bytes").await?,
        deleted: usage(node, "trash_bytes").await?,
        audited: counter(&node.metrics().await?, "haulout_node_audited_bytes_total", "cluster="),
    })
}

/// A counter with a label; 0 while nothing was counted.
fn counter(metrics: &str, name: &str, label: &str) -> u64 {
    let line = metrics.lines().find(|line| line.starts_with(name) && line.contains(label));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

async fn usage(node: &StorageNode, what: &str) -> Result<u64> {
    let shown: Value = serde_json::from_str(&node.haulout(&["clusters", "--json"]).ok().await?)?;
    shown[0][what].as_u64().with_context(|| format!("no {what} in {shown}"))
}

async fn a_key_is_revoked(gateway: &mut TestGateway, nodes: &mut [StorageNode]) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("far").await?;
    s3.put("far", "key", vec![1; 3 << 20]).await?.ok()?;
    let name = gateway.haulout(&["keys", "gateway"]).ok().await?.trim().to_owned();
    nodes[2].haulout(&["revoke", &name]).ok().await?;
    let said = wait_until("the gateway notices", async || {
        let list = gateway.haulout(&["backend", "list"]).run().await?;
        Ok((list.code != 0).then_some(list.stdout))
    })
    .await?;
    ensure!(said.contains("has not admitted cluster") && said.contains("n3"), "{said}");
    s3.get("far", "key").await?.ok()?;
    nodes[2].haulout(&["revoke", &name]).fails().await?;
    nodes[2].haulout(&["allow", &name, "--quota", "1000000000", "--name", "ours"]).ok().await?;
    gateway.wait_for_backends().await?;
    let table = nodes[2].haulout(&["clusters"]).ok().await?;
    ensure!(table.contains("ours") && table.contains("953.6 MiB"), "{table}");
    gateway.wait_for_repair().await
}
