//! Six storage nodes, three buckets, epochs of a few seconds and aws-cli: one node deletes what it was paid to keep. Audits find it, its period pays it
//! nothing, what it lost is rebuilt, each bucket is invoiced once for each epoch, and what is published about it verifies under a policy that asks
//! for a cosignature; not with any byte changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use harness::{
    Database, Payload, Scheme, Settings, StorageNode, TestGateway, number_from_environment, run_scenario_between,
    wait_until,
};
use serde_json::Value;

use super::changed_bytes::changed_bytes_are_found;
use super::money::published_transfers;
use super::witnesses::{exported_with, policy_file, witnessed};

/// The node that deletes.
const DELETING: &str = "n3";
const BUCKETS: [&str; 3] = ["films", "letters", "logs"];
/// What the root account begins with.
const ENDOWMENT: i64 = 1_000_000_000_000;

#[test]
fn a_node_that_deletes_earns_nothing_and_its_slivers_are_rebuilt() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn a_node_that_deletes_earns_nothing_and_its_slivers_are_rebuilt_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

fn run(database: Database) -> Result<()> {
    let settings = Settings::new(database)
        .env("HAULOUT_EPOCH", "6")
        .set("money", "mode = \"on\"")
        .set("money", "unconfirmed_epochs = 1000")
        .set("scrub", "days = 0")
        .set("audit", "epoch_seconds = 3")
        .set("audit", "samples = 150")
        .set("audit", "answer_seconds = 2")
        .set("audit", "retry_seconds = 1")
        .set("audit", "tries = 2");
    let nothing = async |_: &mut [StorageNode]| Ok(());
    run_scenario_between(settings, 6, nothing, async |gateway, nodes, ()| story(gateway, nodes).await)
}

async fn json(gateway: &TestGateway, arguments: &[&str]) -> Result<Value> {
    let arguments = [arguments, &["--json"]].concat();
    Ok(serde_json::from_str(&gateway.haulout(&arguments).ok().await?)?)
}

fn number(value: &Value, key: &str) -> Result<u64> {
    value[key].as_u64().with_context(|| format!("{key} in {value}"))
}

async fn story(gateway: &mut TestGateway, nodes: &mut [StorageNode]) -> Result<()> {
    let (log, witnesses) = witnessed(gateway, &mut nodes[..1]).await?;
    for bucket in BUCKETS {
        gateway.clients(Scheme::Http).aws(&["s3", "mb", &format!("s3://{bucket}")]).ok().await?;
    }
    traffic(gateway, 0).await?;
    wait_until("the node is paid for what it keeps", async || {
        Ok(earned(&json(gateway, &["provider", "earnings", DELETING]).await?)?
            .iter()
            .any(|(_, paid)| *paid > 0)
            .then_some(()))
    })
    .await?;
    let deleting = nodes.iter().find(|node| node.name == DELETING).context("one of them deletes")?;
    let faulted = it_deletes(gateway, deleting).await?;

    if standing(gateway).await?["standing"] == "suspended" {
        gateway.haulout(&["audit", "reinstate", DELETING]).ok().await?;
    }
    // Audits draw at random what they ask for: the last of many losses may be found late on a busy machine.
    let mut repaired = gateway.wait_for_repair().await;
    for _ in 0..2 {
        if repaired.is_err() {
            repaired = gateway.wait_for_repair().await;
        }
    }
    repaired?;
    ensure!(!deleting.slivers()?.is_empty(), "what it lost was rebuilt on it, for there is no other node");
    wait_until("it is paid again", async || {
        let earned = earned(&json(gateway, &["provider", "earnings", DELETING]).await?)?;
        Ok(earned.iter().any(|(epoch, paid)| *epoch > faulted && *paid > 0).then_some(()))
    })
    .await?;
    objects_are_whole(gateway).await?;
    invoices_add_up(gateway).await?;

    let folder = exported_with(gateway, "cosigned", &witnesses, 1).await?;
    let policy = policy_file(gateway, "cosigned.policy", &log, &witnesses, "all")?;
    let said = gateway.haulout(&["ledger", "verify", &folder, "--policy", &policy]).ok().await?;
    ensure!(said.contains("cosigned by w0"), "{said}");
    a_faulted_period_earns_nothing(Path::new(&folder))?;
    changed_bytes_are_found(Path::new(&folder), Some(&policy), number_from_environment("HAULOUT_CHANGED_BYTES", 200))
        .await?;
    gateway.wait_for_collection().await
}

fn content(bucket: &str, round: u64) -> Payload {
    Payload::new(bucket, round, 1_200_000 + round * 70_001)
}

/// What people do with aws-cli in each bucket: bring, copy, list, fetch, remove.
async fn traffic(gateway: &TestGateway, round: u64) -> Result<()> {
    let clients = gateway.clients(Scheme::Http);
    let folder = gateway.scratch("files");
    let aws = async |arguments: &[&str]| -> Result<String> { clients.aws(arguments).ok().await };
    for bucket in BUCKETS {
        let (file, back) = (folder.join(bucket), folder.join(format!("{bucket}.back")));
        fs::write(&file, content(bucket, round).bytes())?;
        let (file, back) = (file.to_string_lossy().into_owned(), back.to_string_lossy().into_owned());
        let object = format!("s3://{bucket}/{round}");
        aws(&["s3", "cp", "--only-show-errors", &file, &object]).await?;
        let copy = format!("s3://{bucket}/copy");
        aws(&["s3", "cp", "--only-show-errors", &object, &copy]).await?;
        aws(&["s3", "cp", "--only-show-errors", &copy, &back]).await?;
        ensure!(fs::read(&back)? == content(bucket, round).bytes(), "{copy} has wrong bytes");
        aws(&["s3", "rm", "--only-show-errors", &copy]).await?;
        ensure!(!aws(&["s3", "ls", &format!("s3://{bucket}/")]).await?.contains("copy"), "{copy} is gone");
    }
    Ok(())
}

/// What is thought of the node.
async fn standing(gateway: &TestGateway) -> Result<Value> {
    let shown = gateway.haulout(&["audit", "status", DELETING, "--json"]).run().await?;
    let list: Value = serde_json::from_str(&shown.stdout).with_context(|| shown.stdout.clone())?;
    Ok(list[0].clone())
}

/// The id of a verdict that it lacks something, if one of the latest says that.
async fn missing(gateway: &TestGateway) -> Result<Option<String>> {
    let standing = standing(gateway).await?;
    let mut verdicts = standing["verdicts"].as_array().into_iter().flatten();
    let found = verdicts.find(|verdict| verdict["verdict"] == "missing");
    Ok(found.and_then(|verdict| verdict["id"].as_str()).map(str::to_owned))
}

/// What it got for its periods, epoch by epoch.
fn earned(earnings: &Value) -> Result<Vec<(u64, u64)>> {
    let paid = |row: &Value| Ok((number(row, "epoch")?, number(row, "commission")? + number(row, "held_back")?));
    earnings.as_array().context("a list")?.iter().map(paid).collect()
}

/// The node deletes all that it has, three times, while people go on. The answer is an epoch that was settled in which that was found. Verdicts name it
/// with evidence that anybody can judge.
async fn it_deletes(gateway: &TestGateway, node: &StorageNode) -> Result<u64> {
    let (mut round, mut named) = (0, None);
    let faulted = wait_until("an epoch is settled in which it had deleted", async || {
        round += 1;
        if round <= 3 {
            for sliver in node.slivers()? {
                // The node may be as fast.
                let _ = fs::remove_file(sliver);
            }
            // Later verdicts are shown before it soon.
            if named.is_none() {
                named = Some(wait_until("a verdict names it", async || missing(gateway).await).await?);
            }
            traffic(gateway, round).await?;
        }
        let folder = gateway.scratch("exports").join(format!("deleting-{round}"));
        gateway.haulout(&["ledger", "export", "--out", &folder.to_string_lossy()]).ok().await?;
        Ok(faulted_epochs(&folder)?.first().copied())
    })
    .await?;
    let id = named.context("a verdict")?;
    let evidence = gateway.scratch("audit").join("evidence.json");
    fs::write(&evidence, gateway.haulout(&["audit", "show", &id]).ok().await?)?;
    gateway.haulout(&["audit", "verify", &evidence.to_string_lossy()]).ok().await?;
    Ok(faulted)
}

/// The epochs whose published inputs have losses of the node, and audits of which more found nothing than may.
fn faulted_epochs(export: &Path) -> Result<Vec<u64>> {
    let mut epochs = Vec::new();
    for file in fs::read_dir(export.join("inputs"))? {
        let path = file?.path();
        let text = fs::read_to_string(&path)?;
        let own = format!("provider {DELETING} ");
        let Some(facts) = text.lines().find_map(|line| line.strip_prefix(&own)) else { continue };
        let words: Vec<_> = facts.split(' ').collect();
        let verdicts = words[3..8].iter().map(|word| Ok(word.parse()?)).collect::<Result<Vec<u64>>>()?;
        let [_, missing, _, _, pending] = verdicts[..] else { bail!("{facts}") };
        let is_faulted = missing * 20 > verdicts.iter().sum::<u64>() && pending == 0;
        if is_faulted && text.contains(&format!("\nloss {DELETING} ")) {
            epochs.push(path.file_name().context("a name")?.to_string_lossy().parse()?);
        }
    }
    epochs.sort_unstable();
    Ok(epochs)
}

/// No transfer pays the node for a period at fault; those of others are paid.
fn a_faulted_period_earns_nothing(export: &Path) -> Result<()> {
    let own = [format!(" provider/{DELETING} "), format!(" holdback/{DELETING} ")];
    for epoch in faulted_epochs(export)? {
        let transfers = published_transfers(export, &epoch.to_string())?;
        let paid = transfers.iter().filter(|line| line.contains(" commission ") || line.contains(" holdback "));
        // What an earlier period waited for comes from its own escrow.
        let escrow = format!(" escrow/{epoch} ");
        let paid: Vec<_> = paid.filter(|line| line.contains(&escrow)).collect();
        ensure!(paid.iter().all(|line| own.iter().all(|name| !line.contains(name))), "{epoch}: {paid:?}");
        ensure!(!paid.is_empty(), "the others are paid: {epoch}: {transfers:?}");
    }
    Ok(())
}

async fn objects_are_whole(gateway: &TestGateway) -> Result<()> {
    for bucket in BUCKETS {
        let (keys, _) = gateway.root().list(bucket, &[]).await?;
        ensure!(keys.len() >= 2, "{bucket}: {keys:?}");
        for key in keys {
            let got = gateway.root().get(bucket, &key).await?.ok()?;
            ensure!(got.body == content(bucket, key.parse()?).bytes(), "{bucket}/{key} has wrong bytes");
        }
    }
    Ok(())
}

/// Each bucket is billed once for each epoch, and what was billed is what was paid.
async fn invoices_add_up(gateway: &mut TestGateway) -> Result<()> {
    gateway.stop()?;
    let epochs = json(gateway, &["epoch"]).await?;
    let last = epochs.as_array().context("a list")?.iter().find(|epoch| epoch["state"] == "settled");
    let last = number(last.context("one is settled")?, "number")?;
    let mut billed = 0;
    for bucket in BUCKETS {
        let bills = json(gateway, &["invoice", bucket]).await?;
        let (mut seen, mut stored) = (BTreeSet::new(), Vec::new());
        for bill in bills.as_array().context("a list")? {
            let epoch = number(bill, "epoch")?;
            ensure!(seen.insert(epoch), "{bucket} is billed once for an epoch: {bills}");
            if epoch <= last {
                billed += number(bill, "total")?;
                stored.extend((number(bill, "storage")? > 0).then_some(epoch));
            }
        }
        let (newest, oldest) = stored.first().zip(stored.last()).with_context(|| format!("{bucket}: {bills}"))?;
        ensure!(*newest == last && newest - oldest + 1 == u64::try_from(stored.len())?, "{bucket}: {bills}");
    }
    let accounts = json(gateway, &["account"]).await?;
    let accounts = accounts.as_array().context("a list")?;
    let balances = accounts.iter().filter_map(|one| Some((one["account"].as_str()?, one["balance"].as_i64()?)));
    let of =
        |kind: &str| balances.clone().filter(|(name, _)| name.starts_with(kind)).map(|(_, amount)| amount).sum::<i64>();
    ensure!(u64::try_from(ENDOWMENT - of("payer/"))? == billed, "what was billed was paid: {accounts:?}");
    ensure!(of("") == 0, "the ledger balances: {accounts:?}");
    gateway.restart()?;
    gateway.wait_for_backends().await
}
