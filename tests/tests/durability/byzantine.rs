//! One of six storage nodes lies, in eleven ways. No client ever gets a wrong byte, reads and writes go on, and what the node does is
//! named: by a verdict with its evidence, or by the refusal of what it said.

use anyhow::{Context as _, Result, ensure};
use harness::{
    Behaviour, ByzantineNode, Database, Payload, Settings, StorageNode, TestGateway, run_scenario_between, wait_until,
};
use serde_json::Value;

/// The node that lies.
const LIAR: &str = "n3";
const OBJECTS: u64 = 6;

macro_rules! on_liars {
    ($database:ident: $($scenario:ident = $behaviour:ident named by $named:expr),+ $(,)?) => {
        $(#[test]
        fn $scenario() -> Result<()> {
            run(Database::$database, Behaviour::$behaviour, $named)
        })+
    };
}

on_liars!(Sqlite:
    forged_bytes = ForgesBytes named by Named::Verdicts(&[("wrong", "challenge"), ("wrong", "read")]),
    forged_roots = ForgesRoots named by Named::Log("receipt is not for this sliver"),
    another_sliver = AnswersFromAnotherSliver named by Named::Verdicts(&[("wrong", "challenge"), ("wrong", "read")]),
    deleted_after_the_receipt = DeletesAfterTheReceipt named by Named::Verdicts(&[("missing", "challenge")]),
    deleted_half = DeletesHalf named by Named::Verdicts(&[("missing", "challenge"), ("passed", "challenge")]),
    audits_only = AnswersAuditsOnly named by Named::Verdicts(&[("missing", "read")]),
    replayed_answers = ReplaysAnswers named by Named::Verdicts(&[("wrong", "challenge")]),
    stalled_at_the_last_byte = StallsAtTheLastByte named by Named::Verdicts(&[("missing", "challenge")]),
    false_capacity = LiesAboutCapacity named by Named::Log("the backend is full"),
    receipts_for_nothing = SignsForNothing named by Named::Verdicts(&[("missing", "challenge")]),
    refused_but_for_heartbeats = RefusesAllButHeartbeats named by Named::Verdicts(&[("contained", "challenge"), ("missing", "challenge")]),
);

on_liars!(Postgres:
    forged_bytes_on_postgres = ForgesBytes named by Named::Verdicts(&[("wrong", "challenge"), ("wrong", "read")]),
    deleted_half_on_postgres = DeletesHalf named by Named::Verdicts(&[("missing", "challenge"), ("passed", "challenge")]),
    receipts_for_nothing_on_postgres = SignsForNothing named by Named::Verdicts(&[("missing", "challenge")]),
    refused_but_for_heartbeats_on_postgres = RefusesAllButHeartbeats named by Named::Verdicts(&[("missing", "challenge")]),
);

/// How an operator learns what the node does.
#[derive(Clone, Copy)]
enum Named {
    /// Audits come to these verdicts by these methods; where bytes were shown, anybody can judge them again.
    Verdicts(&'static [(&'static str, &'static str)]),
    /// What it said was refused, and the log says why.
    Log(&'static str),
}

/// Epochs of a few seconds, in which each backend shows half of what others do in a day, and little patience.
fn often(database: Database) -> Settings {
    Settings::new(database)
        .set("scrub", "days = 0")
        .set("audit", "epoch_seconds = 8")
        .set("audit", "samples = 48")
        .set("audit", "recheck_percent = 100")
        .set("audit", "answer_seconds = 2")
        .set("audit", "retry_seconds = 1")
        .set("audit", "tries = 2")
}

fn run(database: Database, behaviour: Behaviour, named: Named) -> Result<()> {
    let stand_between = async |nodes: &mut [StorageNode]| {
        nodes.iter_mut().for_each(|node| node.set_option("timeout_seconds", "10"));
        let liar = nodes.iter_mut().find(|node| node.name == LIAR).context("one of them lies")?;
        ByzantineNode::before(liar).await
    };
    run_scenario_between(often(database), 6, stand_between, async |gateway, _, liar| {
        lies_are_named_and_hurt_nobody(gateway, liar, behaviour, named).await
    })
}

async fn lies_are_named_and_hurt_nobody(
    gateway: &mut TestGateway,
    liar: &ByzantineNode,
    behaviour: Behaviour,
    named: Named,
) -> Result<()> {
    gateway.root().create_bucket("untrusted").await?;
    write(gateway, "before").await?;
    wait_until("it is trusted", async || {
        let standing = standing(gateway).await?;
        Ok((standing["audits"].as_u64() > Some(3) && standing["data_score"] == 1_000).then_some(()))
    })
    .await?;

    liar.behave(behaviour)?;
    write(gateway, "meanwhile").await?;
    read(gateway, &["before", "meanwhile"]).await?;
    match named {
        Named::Verdicts(kinds) => {
            for kind in kinds {
                names_it(gateway, *kind).await?;
            }
        }
        Named::Log(text) => drop(gateway.wait_for_log(text).await?),
    }
    ensure!(liar.lies() > 0, "it was honest");
    let listed = gateway.haulout(&["backend", "list"]).run().await?;
    ensure!(listed.stdout.contains(LIAR), "{}", listed.describe());
    write(gateway, "afterwards").await?;
    read(gateway, &["before", "meanwhile", "afterwards"]).await?;

    liar.behave(Behaviour::Honest)?;
    if standing(gateway).await?["standing"] == "suspended" {
        gateway.haulout(&["audit", "reinstate", LIAR]).ok().await?;
    }
    gateway.wait_for_backends().await?;
    // Audits would find what it never stored, in the end.
    gateway.haulout(&["check", "--repair"]).run().await?;
    ensure!(!gateway.log().contains("does not follow from its evidence"), "every verdict was confirmed");
    gateway.wait_for_collection().await
}

/// Objects of one stripe and more, and small ones that share a quilt.
fn payload(when: &str, number: u64) -> Payload {
    Payload::new(when, number, if number.is_multiple_of(3) { 3_000 } else { 1_100_000 + number * 90_001 })
}

async fn write(gateway: &TestGateway, when: &str) -> Result<()> {
    for number in 0..OBJECTS {
        let put = gateway.root().put("untrusted", &format!("{when}/{number}"), payload(when, number).bytes()).await?;
        put.ok().with_context(|| format!("writing {when}"))?;
    }
    Ok(())
}

async fn read(gateway: &TestGateway, written: &[&str]) -> Result<()> {
    for when in written {
        for number in 0..OBJECTS {
            let key = format!("{when}/{number}");
            let got = gateway.root().get("untrusted", &key).await?.ok().with_context(|| format!("reading {key}"))?;
            ensure!(got.body == payload(when, number).bytes(), "{key} has wrong bytes");
        }
    }
    Ok(())
}

/// What is thought of the node that lies.
async fn standing(gateway: &TestGateway) -> Result<Value> {
    let shown = gateway.haulout(&["audit", "status", LIAR, "--json"]).run().await?;
    let list: Value = serde_json::from_str(&shown.stdout).with_context(|| shown.stdout.clone())?;
    Ok(list[0].clone())
}

/// Waits for a verdict about it, which says why and follows from its evidence.
async fn names_it(gateway: &TestGateway, (kind, method): (&str, &str)) -> Result<()> {
    let verdict = wait_until(&format!("an audit by {method} comes to {kind:?}"), async || {
        let standing = standing(gateway).await?;
        let verdicts = standing["verdicts"].as_array().cloned().unwrap_or_default();
        Ok(verdicts.into_iter().find(|verdict| verdict["verdict"] == kind && verdict["method"] == method))
    })
    .await?;
    ensure!(kind == "passed" || verdict["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{verdict}");
    let id = verdict["id"].as_str().context("a verdict has an id")?;
    let file = gateway.scratch("audit").join("evidence.json");
    std::fs::write(&file, gateway.haulout(&["audit", "show", id]).ok().await?)?;
    gateway.haulout(&["audit", "verify", file.to_str().context("a path")?]).ok().await?;
    let metric = format!("haulout_audits_total{{backend=\"{LIAR}\",verdict=\"{kind}\"}}");
    let (_, metrics) = gateway.ops("/metrics")?;
    ensure!(metrics.contains(&metric), "no {metric}");
    Ok(())
}
