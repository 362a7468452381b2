//! Stake and votes on six storage nodes: stake backs providers, votes move the price, one node lies and loses, a withdrawal waits for
//! its end, and whatever is killed or repeated, money moves once.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use harness::{
    Behaviour, ByzantineNode, Database, Payload, Settings, StorageNode, TestGateway, number_from_environment,
    run_scenario_between, wait_until,
};
use serde_json::Value;

use super::changed_bytes::changed_bytes_are_found;

/// The node that lies.
const LIAR: &str = "n3";
const WAL: u64 = 1_000_000_000;

#[test]
fn stake_backs_votes_rule_and_lies_cost() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn stake_backs_votes_rule_and_lies_cost_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

fn run(database: Database) -> Result<()> {
    let stand_between = async |nodes: &mut [StorageNode]| {
        nodes.iter_mut().for_each(|node| node.set_option("timeout_seconds", "10"));
        let liar = nodes.iter_mut().find(|node| node.name == LIAR).context("one of them lies")?;
        ByzantineNode::before(liar).await
    };
    run_scenario_between(settings(database), 6, stand_between, async |gateway, _, liar| story(gateway, liar).await)
}

/// Epochs of a few seconds, of money and of audits.
fn settings(database: Database) -> Settings {
    Settings::new(database)
        .env("HAULOUT_EPOCH", "5")
        .set("money", "mode = \"on\"")
        .set("scrub", "days = 0")
        .set("audit", "epoch_seconds = 4")
        .set("audit", "samples = 64")
        .set("audit", "answer_seconds = 2")
        .set("audit", "retry_seconds = 1")
        .set("audit", "tries = 2")
}

async fn json(gateway: &TestGateway, arguments: &[&str]) -> Result<Value> {
    let arguments = [arguments, &["--json"]].concat();
    Ok(serde_json::from_str(&gateway.haulout(&arguments).ok().await?)?)
}

fn number(value: &Value, key: &str) -> Result<u64> {
    value[key].as_u64().with_context(|| format!("{key} in {value}"))
}

async fn story(gateway: &mut TestGateway, liar: &ByzantineNode) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("backed").await?;
    for at in 0..6 {
        s3.put("backed", &format!("{at}"), Payload::new("staked", at, 1_100_000).bytes()).await?.ok()?;
    }
    let delegated = stakes_come(gateway).await?;
    kill(gateway)?;
    wait_until("all stake counts", async || {
        let stakes = json(gateway, &["stake", "list"]).await?;
        let stakes = stakes.as_array().context("a list")?;
        Ok(stakes.iter().all(|stake| stake["state"] == "active").then_some(()))
    })
    .await?;
    votes_rule(gateway).await?;
    lies_cost(gateway, liar).await?;
    withdrawal_waits(gateway, &delegated).await?;
    everything_adds_up(gateway).await?;
    gateway.wait_for_backends().await?;
    gateway.wait_for_collection().await
}

fn kill(gateway: &mut TestGateway) -> Result<()> {
    gateway.kill();
    gateway.restart()
}

/// Runs a command that is to do something once: the second time it changes nothing.
async fn once(gateway: &TestGateway, command: &[&str]) -> Result<()> {
    gateway.haulout(command).ok().await?;
    let again = gateway.haulout(command).ok().await?;
    ensure!(again.contains("nothing changed"), "{command:?}: {again}");
    Ok(())
}

/// Registers providers and stakes on them; the stake that somebody delegated to the node that lies.
async fn stakes_come(gateway: &mut TestGateway) -> Result<String> {
    let refused = gateway.haulout(&["stake", "add", "n1", "5WAL", "--staker", "anna", "--reference", "s1"]).fails();
    ensure!(refused.await?.contains("haulout provider register n1"), "it says what to do");
    for provider in ["n1", "n2", LIAR] {
        once(gateway, &["provider", "register", provider, "--commission", "20"]).await?;
    }
    gateway.haulout(&["provider", "register", "nobody"]).fails().await?;
    let refused = gateway.haulout(&["stake", "add", "n1", "5WAL", "--staker", "anna", "--reference", "s1"]).fails();
    ensure!(refused.await?.contains("exceeds_credits"), "she has nothing");
    for (staker, amount, provider) in [("anna", "5WAL", "n1"), (LIAR, "2WAL", LIAR), ("bert", "4WAL", LIAR)] {
        let (account, funds) = (format!("staker/{staker}"), format!("funds of {staker}"));
        once(gateway, &["account", "credit", &account, amount, "--reference", &funds]).await?;
        let stake = format!("stake of {staker}");
        once(gateway, &["stake", "add", provider, amount, "--staker", staker, "--reference", &stake]).await?;
        kill(gateway)?;
    }
    let other = ["stake", "add", "n2", "5WAL", "--staker", "anna", "--reference", "stake of anna"];
    ensure!(gateway.haulout(&other).fails().await?.contains("another stake"));
    let bert = json(gateway, &["stake", "list", "--staker", "bert"]).await?;
    Ok(bert[0]["stake"].as_str().context("a name")?.to_owned())
}

/// Votes for a higher price, and for a parameter.
async fn votes_rule(gateway: &mut TestGateway) -> Result<()> {
    let before = number(&json(gateway, &["epoch"]).await?[0], "storage_price")?;
    let wanted = (before * 2).to_string();
    for provider in ["n1", LIAR] {
        once(gateway, &["vote", "price", provider, "--storage", &wanted, "--write", "20000"]).await?;
    }
    let absurd = gateway.haulout(&["vote", "price", "n1", "--storage", "5000000000WAL", "--write", "1"]).fails();
    ensure!(absurd.await?.contains("out of range"));
    let epoch = number(&json(gateway, &["epoch"]).await?[0], "number")?;
    let (until, effective) = ((epoch + 2).to_string(), (epoch + 4).to_string());
    once(gateway, &["vote", "propose", "slash_bp", "500", "--until", &until, "--effective", &effective]).await?;
    let soon =
        gateway.haulout(&["vote", "propose", "slash_bp", "400", "--until", &until, "--effective", &until]).fails();
    ensure!(soon.await?.contains("one whole epoch"), "it is announced");
    ensure!(gateway.haulout(&["vote", "propose", "slash_bp", "5000"]).fails().await?.contains("0 to 1000"));
    for provider in ["n1", LIAR] {
        once(gateway, &["vote", "parameter", provider, "1", "yes"]).await?;
    }
    kill(gateway)?;
    let priced = wait_until("the price has moved", async || {
        let epochs = json(gateway, &["epoch"]).await?;
        let epochs = epochs.as_array().context("a list")?.clone();
        Ok(epochs.into_iter().find(|epoch| epoch["storage_price"].as_u64() > Some(before)))
    })
    .await?;
    let epochs = json(gateway, &["epoch"]).await?;
    let prices: Vec<u64> =
        epochs.as_array().context("a list")?.iter().rev().filter_map(|epoch| epoch["storage_price"].as_u64()).collect();
    ensure!(prices.windows(2).all(|pair| pair[1] <= pair[0] + pair[0].div_ceil(5)), "by a fifth: {prices:?}");
    let epoch = number(&priced, "number")?.to_string();
    let history = json(gateway, &["vote", "history", "--epoch", &epoch]).await?;
    ensure!(history["counted"].as_array().is_some_and(|counted| counted.len() == 2), "{history}");
    wait_until("the proposal has passed", async || {
        let history = json(gateway, &["vote", "history"]).await?;
        Ok((history["proposals"][0]["outcome"] == "passed").then_some(()))
    })
    .await?;
    wait_until("it is in force", async || {
        let list = json(gateway, &["vote", "list"]).await?;
        let parameters = list["parameters"].as_array().cloned().unwrap_or_default();
        Ok(parameters.iter().any(|one| one[0] == "slash_bp" && one[1] == 500).then_some(()))
    })
    .await
}

/// One node forges what it proves: that is slashed.
async fn lies_cost(gateway: &mut TestGateway, liar: &ByzantineNode) -> Result<()> {
    liar.behave(Behaviour::ForgesBytes)?;
    wait_until("the liar is slashed", async || {
        let earnings = json(gateway, &["provider", "earnings", LIAR]).await?;
        let earnings = earnings.as_array().context("a list")?;
        Ok(earnings.iter().any(|epoch| epoch["slashed"].as_u64() > Some(0)).then_some(()))
    })
    .await?;
    liar.behave(Behaviour::Honest)?;
    kill(gateway)?;
    let standing = gateway.haulout(&["audit", "status", LIAR, "--json"]).run().await?;
    if standing.stdout.contains("suspended") {
        gateway.haulout(&["audit", "reinstate", LIAR]).ok().await?;
    }
    let own = json(gateway, &["stake", "list", "--staker", LIAR]).await?;
    ensure!(number(&own[0], "worth")? < 2 * WAL, "its own stake pays first: {own}");
    let others = json(gateway, &["provider", "earnings", "n1"]).await?;
    let earned = others.as_array().context("a list")?.iter().filter_map(|epoch| epoch["stakers"].as_u64()).sum::<u64>();
    ensure!(earned > 0, "honest stake earns: {others}");
    Ok(())
}

/// A stake leaves at the end of an epoch, and is paid once.
async fn withdrawal_waits(gateway: &mut TestGateway, stake: &str) -> Result<()> {
    let before = json(gateway, &["epoch"]).await?;
    once(gateway, &["stake", "withdraw", stake]).await?;
    let leaving = json(gateway, &["stake", "list", "--staker", "bert"]).await?;
    ensure!(leaving[0]["state"] == "leaving" || leaving[0]["state"] == "paid" || leaving[0].is_null(), "{leaving}");
    kill(gateway)?;
    let paid = wait_until("the stake is paid back", async || {
        let all = json(gateway, &["stake", "list", "--staker", "bert", "--all"]).await?;
        Ok((all[0]["state"] == "paid").then(|| all[0].clone()))
    })
    .await?;
    ensure!(number(&paid, "leaves_at")? > number(&before[0], "number")?, "not in its epoch: {paid}");
    let account = json(gateway, &["account", "staker/bert"]).await?;
    ensure!(number(&account[0], "free")? == number(&paid, "worth")?, "{account}");
    ensure!(number(&paid, "worth")? > 3 * WAL, "the liar's own stake shielded it: {paid}");
    gateway.haulout(&["stake", "withdraw", "stake-of-nobody"]).fails().await.map(drop)
}

/// Sums are zero, and what was published verifies, by two implementations.
async fn everything_adds_up(gateway: &TestGateway) -> Result<()> {
    let accounts = json(gateway, &["account"]).await?;
    let sum: i64 =
        accounts.as_array().context("a list")?.iter().filter_map(|account| account["balance"].as_i64()).sum();
    ensure!(sum == 0, "the ledger balances: {accounts}");
    let folder = gateway.scratch("log");
    let path = folder.to_string_lossy().into_owned();
    gateway.haulout(&["ledger", "export", "--out", &path]).ok().await?;
    gateway.haulout(&["ledger", "verify", &path]).ok().await?;
    let inputs = fs::read_dir(folder.join("inputs"))?;
    let texts = inputs.map(|file| Ok(fs::read_to_string(file?.path())?)).collect::<Result<Vec<_>>>()?;
    for needle in ["\nstake stake-", "\nevidence n3 ", "parameter slash_bp 500"] {
        ensure!(texts.iter().any(|text| text.contains(needle)), "no inputs have {needle:?}");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/verify_ledger.py");
    let verified = Command::new("python3").arg(script).arg(folder.join("policy")).arg(&folder).output()?;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    ensure!(verified.status.success() && said.starts_with("good:"), "{said}");
    changed_bytes_are_found(&folder, None, number_from_environment("HAULOUT_CHANGED_BYTES", 12)).await
}
