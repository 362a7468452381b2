//! Nodes cosign the published ledger after they have recomputed it: who is away blocks nothing, and changed history is cosigned by nobody.

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Settings, StorageNode, TestGateway, run_scenario_between, send_raw, wait_until};
use serde_json::Value;

#[test]
fn three_nodes_cosign_what_they_recomputed_on_sqlite() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn three_nodes_cosign_what_they_recomputed_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

#[test]
fn a_forged_settlement_is_refused_and_that_is_published_on_sqlite() -> Result<()> {
    run_with(Database::Sqlite, a_forged_settlement_is_refused)
}

#[test]
fn a_forged_settlement_is_refused_and_that_is_published_on_postgres() -> Result<()> {
    run_with(Database::Postgres, a_forged_settlement_is_refused)
}

fn run(database: Database) -> Result<()> {
    run_with(database, nodes_cosign)
}

/// Three nodes, and epochs of a few seconds.
fn run_with(
    database: Database,
    story: impl AsyncFnOnce(&mut TestGateway, &mut [StorageNode]) -> Result<()>,
) -> Result<()> {
    let settings = Settings::new(database).env("HAULOUT_EPOCH", "3").set("money", "unconfirmed_epochs = 1000");
    let nothing = async |_: &mut [StorageNode]| Ok(());
    run_scenario_between(settings.scheme("rs-2-1"), 3, nothing, async |gateway, nodes, ()| story(gateway, nodes).await)
}

async fn fill(gateway: &TestGateway) -> Result<()> {
    gateway.root().create_bucket("kept").await?;
    gateway.root().put("kept", "a", vec![1; 3 << 20]).await?.ok().map(drop)
}

async fn log(gateway: &TestGateway) -> Result<Value> {
    Ok(serde_json::from_str(&gateway.haulout(&["ledger", "checkpoint", "--json"]).ok().await?)?)
}

/// How many of these witnesses have cosigned the note of the last checkpoint.
fn cosigned(log: &Value, keys: &[String]) -> usize {
    let note = log["checkpoint"]["note"].as_str().unwrap_or_default();
    let name = |key: &String| key.split('+').next().unwrap_or_default().to_owned();
    keys.iter().filter(|key| note.contains(&format!("\u{2014} {} ", name(key)))).count()
}

/// These nodes witness the ledger: the log's line of a policy, and the keys of the witnesses, all of which have cosigned.
pub(super) async fn witnessed(gateway: &mut TestGateway, nodes: &mut [StorageNode]) -> Result<(String, Vec<String>)> {
    let policy = wait_until("the log has a key", async || {
        let policy = gateway.haulout(&["ledger", "checkpoint", "--policy"]).ok().await?;
        Ok(policy.lines().find_map(|line| line.strip_prefix("log ").map(str::to_owned)))
    })
    .await?;
    let mut witnesses = Vec::new();
    for node in nodes.iter_mut() {
        witnesses.push(node.witness(&policy).await?);
    }
    let keys: Vec<String> = witnesses.iter().map(|(key, _)| key.clone()).collect();
    let tables: Vec<_> = witnesses.iter().map(|(key, url)| format!("{{ key = \"{key}\", url = \"{url}\" }}")).collect();
    gateway.stop()?;
    gateway.reconfigure(|settings| settings.set("money", &format!("witness = [{}]", tables.join(", "))))?;
    gateway.restart()?;
    gateway.wait_for_backends().await?;
    let count = keys.len();
    wait_until("all have cosigned", async || Ok((cosigned(&log(gateway).await?, &keys) == count).then_some(())))
        .await?;
    Ok((policy, keys))
}

/// The inputs of a settlement are changed before they are published, so that the transfers do not follow from them: every witness refuses them
/// under its signature, and both operator and export show that.
async fn a_forged_settlement_is_refused(gateway: &mut TestGateway, nodes: &mut [StorageNode]) -> Result<()> {
    fill(gateway).await?;
    let (_, keys) = witnessed(gateway, nodes).await?;
    let honest = "parameter burn_bp 300";
    let forged = "parameter burn_bp 301";
    gateway
        .meddle(
            &format!(
                "DROP TRIGGER settlement_unchanged; CREATE TRIGGER forged AFTER INSERT ON settlement BEGIN UPDATE settlement SET inputs = \
                 CAST(replace(CAST(NEW.inputs AS TEXT), '{honest}', '{forged}') AS BLOB) WHERE epoch = NEW.epoch; END"
            ),
            &format!(
                "CREATE FUNCTION forged() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.inputs = \
                 convert_to(replace(convert_from(NEW.inputs, 'UTF8'), '{honest}', '{forged}'), 'UTF8'); RETURN NEW; END $$; \
                 CREATE TRIGGER forged BEFORE INSERT ON settlement FOR EACH ROW EXECUTE FUNCTION forged()"
            ),
        )
        .await?;
    let refused = wait_until("all have refused", async || {
        let log = log(gateway).await?;
        let refused =
            log["refusals"].as_array().into_iter().flatten().filter_map(|refused| refused["witness"].as_str());
        let problems = log["witnesses"].as_array().into_iter().flatten().filter_map(|one| one["problem"].as_str());
        let is_said = problems.filter(|problem| problem.starts_with("it refuses: ")).count() == 3;
        let is_kept = refused.collect::<std::collections::BTreeSet<_>>().len() == 3;
        Ok((is_said && is_kept).then(|| log.clone()))
    })
    .await?;
    ensure!(cosigned(&refused, &keys) == 0, "nobody cosigns it: {refused}");
    let notes: Vec<_> = refused["refusals"].as_array().context("a list")?.iter().collect();
    for refusal in &notes {
        let (note, witness) =
            (refusal["note"].as_str().unwrap_or_default(), refusal["witness"].as_str().unwrap_or_default());
        ensure!(
            note.contains("and the inputs give") && note.contains(&format!("\u{2014} {witness} ")),
            "it is signed: {note}"
        );
    }
    let folder = gateway.scratch("exports").join("forged");
    gateway.haulout(&["ledger", "export", "--out", &folder.to_string_lossy()]).ok().await?;
    let exported = std::fs::read_dir(folder.join("refusals"))?;
    let exported = exported.map(|file| Ok(std::fs::read_to_string(file?.path())?)).collect::<Result<Vec<_>>>()?;
    ensure!(notes.iter().all(|refusal| exported.iter().any(|note| refusal["note"] == **note)), "{exported:?}");
    let said = gateway.haulout(&["ledger", "verify", &folder.to_string_lossy()]).fails().await?;
    ensure!(said.contains("and the inputs give"), "whoever verifies it finds the same: {said}");
    gateway.wait_for_collection().await
}

async fn nodes_cosign(gateway: &mut TestGateway, nodes: &mut [StorageNode]) -> Result<()> {
    fill(gateway).await?;
    let (policy, keys) = witnessed(gateway, nodes).await?;

    // Who verifies asks for a quorum.
    let folder = exported_with(gateway, "all", &keys, 3).await?;
    let all = policy_file(gateway, "all.policy", &policy, &keys, "all")?;
    gateway.haulout(&["ledger", "verify", &folder, "--policy", &all]).ok().await?;

    let note = log(gateway).await?["checkpoint"]["note"].as_str().context("a note")?.to_owned();
    refuses_in_the_standard_forms(&nodes[0], &note).await?;

    // One is away: nothing waits for it, and who asks for all of them sees that.
    nodes[2].kill();
    let before = log(gateway).await?["checkpoint"]["epoch"].as_u64();
    wait_until("others go on", async || {
        let log = log(gateway).await?;
        Ok((log["checkpoint"]["epoch"].as_u64() > before && cosigned(&log, &keys) == 2).then_some(()))
    })
    .await?;
    let folder = exported_with(gateway, "two", &keys, 2).await?;
    let said = gateway.haulout(&["ledger", "verify", &folder, "--policy", &all]).fails().await?;
    ensure!(said.contains("too few witnesses"), "{said}");
    let two = policy_file(gateway, "two.policy", &policy, &keys, "2")?;
    gateway.haulout(&["ledger", "verify", &folder, "--policy", &two]).ok().await?;
    nodes[2].launch()?;
    gateway.wait_for_backends().await?;
    wait_until("the third comes after", async || Ok((cosigned(&log(gateway).await?, &keys) == 3).then_some(())))
        .await?;
    let shown = nodes[2].haulout(&["witness", "logs", "--json"]).ok().await?;
    let shown: Value = serde_json::from_str(&shown)?;
    ensure!(shown[0]["cosigned"].as_u64() > Some(0) && shown[0]["refusals"] == serde_json::json!([]), "{shown}");
    ensure!(shown[0]["cosigned"].as_u64() <= shown[0]["recomputed"].as_u64(), "{shown}");
    another_history_is_cosigned_by_nobody(gateway, nodes, &keys).await
}

/// The database is set back and goes on otherwise. So the log signs another history than the one that was cosigned, as it would if somebody forged it:
/// no node cosigns that, however far it grows.
async fn another_history_is_cosigned_by_nobody(
    gateway: &mut TestGateway,
    nodes: &[StorageNode],
    keys: &[String],
) -> Result<()> {
    let backup = gateway.back_up_database().await?;
    let size = |log: &Value| log["checkpoint"]["size"].as_u64().unwrap_or_default();
    let then = size(&log(gateway).await?);
    gateway.root().put("kept", "forgotten", vec![2; 2 << 20]).await?.ok()?;
    wait_until("two more epochs are cosigned", async || {
        let log = log(gateway).await?;
        Ok((size(&log) >= then + 20 && cosigned(&log, keys) == 3).then_some(()))
    })
    .await?;
    gateway.kill();
    let seen = cosigned_by(&nodes[0]).await?;
    gateway.restore_database(&backup).await?;
    gateway.restart()?;
    // Whoever confirms it has his reasons; witnesses do not ask for them.
    gateway.haulout(&["database", "confirm"]).run().await?;
    gateway.root().put("kept", "otherwise", vec![3; 1 << 20]).await?.ok()?;
    let grown = wait_until("the other history is longer", async || {
        let log = log(gateway).await?;
        let all_failed = log["witnesses"].as_array().is_some_and(|all| all.iter().all(|one| one["problem"] != ""));
        Ok((size(&log) > seen + 30 && all_failed).then_some(log))
    })
    .await?;
    ensure!(cosigned(&grown, keys) == 0, "{grown}");
    for node in nodes {
        ensure!(cosigned_by(node).await? >= seen, "what it cosigned stays");
    }
    let folder = gateway.scratch("exports").join("otherwise").to_string_lossy().into_owned();
    gateway.haulout(&["ledger", "export", "--out", &folder]).ok().await?;
    let all = gateway.scratch("policies").join("all.policy").to_string_lossy().into_owned();
    let said = gateway.haulout(&["ledger", "verify", &folder, "--policy", &all]).fails().await?;
    ensure!(said.contains("too few witnesses"), "{said}");
    gateway.wait_for_collection().await
}

/// The size of the tree that a node cosigned last.
async fn cosigned_by(node: &StorageNode) -> Result<u64> {
    let shown: Value = serde_json::from_str(&node.haulout(&["witness", "logs", "--json"]).ok().await?)?;
    shown[0]["cosigned"].as_u64().with_context(|| format!("{shown}"))
}

/// What is no request of the protocol, about another log, not signed, or not the next one.
async fn refuses_in_the_standard_forms(node: &StorageNode, note: &str) -> Result<()> {
    let address = node.witness_address().context("it is a witness")?;
    let post = |body: &str| {
        let length = body.len();
        format!(
            "POST /add-checkpoint HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    ensure!(send_raw(address, post("old 0\n").as_bytes()).await?.status() == Some(400));
    let other = note.replacen("haulout.ledger/", "another.ledger/", 1);
    ensure!(send_raw(address, post(&format!("old 0\n\n{other}")).as_bytes()).await?.status() == Some(404));
    let mut lines: Vec<_> = note.lines().map(str::to_owned).collect();
    lines[1] = "1".to_owned();
    let forged = format!("old 0\n\n{}\n", lines.join("\n"));
    ensure!(send_raw(address, post(&forged).as_bytes()).await?.status() == Some(403), "the log has not signed that");
    let conflict = send_raw(address, post(&format!("old 0\n\n{note}")).as_bytes()).await?;
    ensure!(conflict.status() == Some(409) && conflict.text.contains("text/x.tlog.size"), "{}", conflict.text);
    Ok(())
}

/// An export whose last checkpoint was cosigned by so many.
pub(super) async fn exported_with(gateway: &TestGateway, name: &str, keys: &[String], count: usize) -> Result<String> {
    let mut number = 0;
    wait_until("an export has its cosignatures", async || {
        number += 1;
        let folder = gateway.scratch("exports").join(format!("{name}-{number}")).to_string_lossy().into_owned();
        gateway.haulout(&["ledger", "export", "--out", &folder]).ok().await?;
        let note = std::fs::read_to_string(format!("{folder}/checkpoint"))?;
        let log = serde_json::json!({ "checkpoint": { "note": note } });
        Ok((cosigned(&log, keys) == count).then_some(folder))
    })
    .await
}

/// A policy that asks for so many of these witnesses.
pub(super) fn policy_file(
    gateway: &TestGateway,
    name: &str,
    log: &str,
    keys: &[String],
    quorum: &str,
) -> Result<String> {
    let (mut text, mut names) = (format!("log {log}\n"), String::new());
    for (number, key) in keys.iter().enumerate() {
        text.push_str(&format!("witness w{number} {key}\n"));
        names.push_str(&format!(" w{number}"));
    }
    text.push_str(&format!("group nodes {quorum}{names}\nquorum nodes\n"));
    let path = gateway.scratch("policies").join(name);
    std::fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}
