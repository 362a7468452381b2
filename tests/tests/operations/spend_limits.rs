//! Who watches a bucket's costs is alerted before its limit is reached: by webhook, log and metrics, once for each step.

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Receiver, Settings, TestGateway, run_scenario, wait_until, with_webhook};
use serde_json::Value;

#[test]
fn limits_are_announced_before_they_refuse_on_sqlite() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn limits_are_announced_before_they_refuse_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

/// One epoch of a day.
fn run(database: Database) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    // One that is away when the first alert comes gets it later.
    let receiver = runtime.block_on(Receiver::start(2))?;
    let settings = Settings::new(database)
        .env("HAULOUT_EPOCH", "86400")
        .set("money", "mode = \"on\"")
        .set("money", "alert_target = \"hook\"")
        .set("ops", "metric_buckets = 10");
    let settings = with_webhook(settings, receiver.address(), true);
    run_scenario(settings, async |gateway| limits_are_announced(gateway, &receiver).await)
}

async fn usage(gateway: &TestGateway) -> Result<Value> {
    let printed = gateway.haulout(&["usage", "watched", "--json"]).ok().await?;
    Ok(serde_json::from_str::<Value>(&printed)?[0].clone())
}

/// The percentages that were posted, in order.
fn alerts(receiver: &Receiver) -> Vec<u64> {
    let alerts = receiver.received().into_iter().filter(|message| message["event"] == "haulout:FundsAlert");
    alerts.filter_map(|message| message["percent"].as_u64()).collect()
}

async fn set_limit(gateway: &TestGateway, limit: u64) -> Result<()> {
    gateway.haulout(&["bucket", "spend-limit", "watched", &limit.to_string()]).ok().await.map(drop)
}

async fn limits_are_announced(gateway: &mut TestGateway, receiver: &Receiver) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("watched").await?;
    s3.put("watched", "a", vec![1; 1 << 20]).await?.ok()?;
    let costs = usage(gateway).await?["projected"].as_u64().context("what it is going to cost")?;
    for (percent_of_limit, announced) in [(50, 0), (85, 80), (95, 90), (101, 100)] {
        set_limit(gateway, costs * 100 / percent_of_limit).await?;
        if announced > 0 {
            wait_until(&format!("{announced} is announced"), async || {
                Ok((alerts(receiver).last() == Some(&announced)).then_some(()))
            })
            .await?;
        }
    }
    let last = receiver.received().pop().context("an alert")?;
    ensure!(last["bucket"] == "watched" && last["projectedFrost"].as_str() == Some(&*costs.to_string()), "{last}");
    wait_until("the limit refuses", async || {
        let refused = s3.put("watched", "b", vec![1; 1000]).await?;
        Ok(refused.refused(403, "SpendLimitExceeded").is_ok().then_some(()))
    })
    .await?;
    metrics_show_it(gateway).await?;
    let (_, metrics) = gateway.ops("/metrics")?;
    for percent in [80, 90, 100] {
        let line = format!("haulout_funds_alerts_total{{percent=\"{percent}\"}} 1\n");
        ensure!(metrics.contains(&line), "{line} in {metrics}");
    }

    // Neither a restart nor a limit that was passed before alerts anybody again.
    gateway.restart()?;
    set_limit(gateway, costs * 100 / 95).await?;
    wait_until("buckets were looked at again", async || Ok(metrics_show_it(gateway).await.ok())).await?;
    ensure!(alerts(receiver) == [80, 90, 100], "each once: {:?}", alerts(receiver));
    s3.get("watched", "a").await?.ok().map(drop)
}

/// What the bucket holds is the same number everywhere, and each provider has its own.
async fn metrics_show_it(gateway: &TestGateway) -> Result<()> {
    let (_, metrics) = gateway.ops("/metrics")?;
    let held = usage(gateway).await?["encoded_bytes"].as_u64().context("bytes")?;
    let line = format!("haulout_bucket_bytes{{bucket=\"watched\"}} {held}\n");
    ensure!(metrics.contains(&line), "{line} in {metrics}");
    let providers = metrics.lines().filter(|line| line.starts_with("haulout_provider_bytes{")).count();
    ensure!(providers == 6, "{providers} in {metrics}");
    for metric in ["haulout_bucket_epoch_frost", "haulout_bucket_hold_frost"] {
        ensure!(metrics.contains(&format!("{metric}{{bucket=\"watched\"}}")), "{metric} in {metrics}");
    }
    Ok(())
}
