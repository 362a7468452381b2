//! Backends are audited: what is lost is found without a read, rebuilt, and shown with evidence that anybody can judge.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Payload, Settings, TestGateway, on_both, wait_until};
use serde_json::Value;

on_both!(often => losses_are_found_rebuilt_and_proven, a_backend_that_is_away_is_not_blamed);

/// Epochs of a few seconds, in which each backend shows as much as others in a day; nothing is scrubbed.
fn often(database: Database) -> Settings {
    Settings::new(database)
        .set("scrub", "days = 0")
        .set("audit", "epoch_seconds = 8")
        .set("audit", "samples = 200")
        .set("audit", "recheck_percent = 100")
        .set("audit", "retry_seconds = 1")
}

async fn fill(gateway: &TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("audited").await?;
    for number in 0..8 {
        let payload = Payload::new(&number.to_string(), 1, 1_500_000);
        s3.put("audited", &number.to_string(), payload.bytes()).await?.ok()?;
    }
    Ok(())
}

/// What is thought of one backend.
async fn standing(gateway: &TestGateway, backend: &str) -> Result<Value> {
    let shown = gateway.haulout(&["audit", "status", backend, "--json"]).run().await?;
    let list: Value = serde_json::from_str(&shown.stdout).with_context(|| shown.stdout.clone())?;
    Ok(list[0].clone())
}

fn verdicts<'a>(standing: &'a Value, kind: &str) -> Vec<&'a Value> {
    let all = standing["verdicts"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|verdict| verdict["verdict"] == kind).collect()
}

async fn losses_are_found_rebuilt_and_proven(gateway: &mut TestGateway) -> Result<()> {
    fill(gateway).await?;
    wait_until("b2 has passed audits", async || {
        let standing = standing(gateway, "b2").await?;
        Ok((standing["audits"].as_u64() > Some(3) && standing["data_score"] == 1_000).then_some(()))
    })
    .await?;
    for (at, sliver) in gateway.slivers_of(2)?.iter().enumerate() {
        if at % 2 == 0 {
            fs::remove_file(sliver)?;
        } else {
            let mut bytes = fs::read(sliver)?;
            // Each sample of each block.
            bytes.iter_mut().skip(200).step_by(512).for_each(|byte| *byte ^= 1);
            fs::write(sliver, bytes)?;
        }
    }
    let lost = wait_until("losses of b2 are found", async || {
        let standing = standing(gateway, "b2").await?;
        let (missing, wrong) = (verdicts(&standing, "missing"), verdicts(&standing, "wrong"));
        Ok(missing.first().zip(wrong.first()).map(|(missing, wrong)| [(*missing).clone(), (*wrong).clone()]))
    })
    .await?;
    for verdict in lost {
        let id = verdict["id"].as_str().context("a verdict has an id")?.to_owned();
        let shown = gateway.haulout(&["audit", "show", &id]).ok().await?;
        let file = gateway.scratch("audit").join("evidence.json");
        fs::write(&file, &shown)?;
        let path = file.to_str().context("a path")?;
        gateway.haulout(&["audit", "verify", path]).ok().await?;
        // A verdict that does not follow is not confirmed.
        if verdict["verdict"] == "wrong" && shown.contains("\"proof\"") {
            fs::write(&file, shown.replace("\"verdict\": \"wrong\"", "\"verdict\": \"passed\""))?;
            gateway.haulout(&["audit", "verify", path]).fails().await?;
        }
    }
    gateway.wait_for_repair().await?;
    let others = standing(gateway, "b3").await?;
    ensure!(others["data_score"] == 1_000, "b3 lost nothing: {others}");
    ensure!(!gateway.log().contains("does not follow from its evidence"), "every verdict was confirmed");
    Ok(())
}

async fn a_backend_that_is_away_is_not_blamed(gateway: &mut TestGateway) -> Result<()> {
    fill(gateway).await?;
    gateway.take_away(4)?;
    wait_until("b4 is found away", async || {
        Ok((!verdicts(&standing(gateway, "b4").await?, "offline").is_empty()).then_some(()))
    })
    .await?;
    ensure!(standing(gateway, "b4").await?["data_score"] == 1_000, "nothing is known of its data");
    gateway.bring_back(4)?;
    gateway.wait_for_backends().await?;
    wait_until("b4 passes again", async || {
        Ok((!verdicts(&standing(gateway, "b4").await?, "passed").is_empty()).then_some(()))
    })
    .await?;
    gateway.wait_for_repair().await
}
