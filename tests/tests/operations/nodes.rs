//! A gateway that stores on six storage nodes, in processes of their own, and on nothing else.

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Scheme, StorageNode, TestGateway, run_scenario_on_nodes, wait_until};
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
    deleted_bytes_reconcile(gateway, nodes).await
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

/// What is deleted leaves the nodes, and they say how much that was.
async fn deleted_bytes_reconcile(gateway: &TestGateway, nodes: &[StorageNode]) -> Result<()> {
    let before = live_bytes(&nodes[0]).await?;
    gateway.root().delete("far", "large").await?.ok()?;
    wait_until("a node has what is left", async || {
        gateway.haulout(&["collect"]).ok().await?;
        Ok((live_bytes(&nodes[0]).await? + (2 << 20) < before).then_some(()))
    })
    .await
}

async fn live_bytes(node: &StorageNode) -> Result<u64> {
    let shown: Value = serde_json::from_str(&node.haulout(&["clusters", "--json"]).ok().await?)?;
    shown[0]["live_bytes"].as_u64().with_context(|| format!("no bytes in {shown}"))
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
