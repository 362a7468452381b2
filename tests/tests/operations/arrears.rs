//! What becomes of a bucket that owes: dates are announced, reading and deleting go on, nothing goes by itself, and paying ends it.
//! And what a jump of the clock does to epochs: nothing, until somebody says that it is right.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::{
    Database, Receiver, S3, Settings, TestGateway, WallClock, on_sqlite, run_scenario, wait_until, with_webhook,
};
use http::Method;
use serde_json::Value;

on_sqlite!(minutes => a_jump_of_the_clock_waits_for_a_word);

#[test]
fn a_bucket_that_owes_on_sqlite() -> Result<()> {
    owes_on(Database::Sqlite)
}

#[test]
fn a_bucket_that_owes_on_postgres() -> Result<()> {
    owes_on(Database::Postgres)
}

/// Epochs of two seconds, and days of six.
fn owes_on(database: Database) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let receiver = runtime.block_on(Receiver::start(0))?;
    let settings = Settings::new(database)
        .env("HAULOUT_EPOCH", "2")
        .set("debug", "lifecycle_day_seconds = 6")
        .set("money", "mode = \"on\"")
        .set("money", "endowment = 0")
        .set("money", "grace_days = 1")
        .set("money", "notice_days = 1")
        .set("money", "unconfirmed_epochs = 1000")
        .set("money", "alert_target = \"hook\"");
    let settings = with_webhook(settings, receiver.address(), true);
    run_scenario(settings, async |gateway| dates_are_announced_and_nothing_goes_by_itself(gateway, &receiver).await)
}

async fn json(gateway: &TestGateway, arguments: &[&str]) -> Result<Value> {
    let arguments = [arguments, &["--json"]].concat();
    Ok(serde_json::from_str(&gateway.haulout(&arguments).ok().await?)?)
}

async fn tag(s3: &S3, value: &str) -> Result<harness::Reply> {
    let body = format!("<Tagging><TagSet><Tag><Key>k</Key><Value>{value}</Value></Tag></TagSet></Tagging>");
    s3.on(Method::PUT, "owing", "a").query("tagging", "").checked(body).send().await
}

/// Waits for the notice of a stage.
async fn notice(receiver: &Receiver, stage: &str) -> Result<Value> {
    wait_until(&format!("{stage} is announced"), async || {
        let received = receiver.received();
        Ok(received.into_iter().find(|it| it["event"] == "haulout:ArrearsNotice" && it["stage"] == stage))
    })
    .await
}

/// A bucket with a locked version whose payer has nothing left.
async fn fill(gateway: &TestGateway, s3: &S3) -> Result<String> {
    gateway.haulout(&["account", "credit", "root", "1WAL", "--reference", "1"]).ok().await?;
    let create = s3.request(Method::PUT, "/owing").header("x-amz-bucket-object-lock-enabled", "true");
    create.send().await?.ok()?;
    for key in ["a", "b"] {
        wait_until("the payment is seen", async || {
            Ok((s3.put("owing", key, vec![1; 3 << 20]).await?.status == 200).then_some(()))
        })
        .await?;
    }
    let until = "2099-01-01T00:00:00Z";
    let locked = s3.on(Method::PUT, "owing", "locked").checked(vec![2; 1 << 20]);
    let locked =
        locked.header("x-amz-object-lock-mode", "COMPLIANCE").header("x-amz-object-lock-retain-until-date", until);
    let version = locked.send().await?.ok()?.header("x-amz-version-id").to_owned();
    let mut number = 2;
    wait_until("the payer has nothing left", async || {
        number += 1;
        let account = json(gateway, &["account", "root"]).await?;
        let (free, reserved) = (account[0]["free"].as_u64().context("free")?, account[0]["reserved"].as_u64());
        if free > 0 {
            let payout = ["account", "payout", "root", &free.to_string(), "--reference", &number.to_string()];
            let _ = gateway.haulout(&payout).run().await?;
        }
        Ok((free == 0 && reserved == Some(0)).then_some(()))
    })
    .await?;
    Ok(version)
}

async fn dates_are_announced_and_nothing_goes_by_itself(gateway: &mut TestGateway, receiver: &Receiver) -> Result<()> {
    let s3 = gateway.root();
    let locked = fill(gateway, &s3).await?;
    let grace = notice(receiver, "grace").await?;
    ensure!(grace["bucket"] == "owing" && grace["readOnlyAt"].is_string() && grace["endsAt"].is_string(), "{grace}");
    // What a gateway knows of a bucket's funds is two seconds old at most.
    wait_until("new content is refused", async || {
        let refused = s3.put("owing", "c", vec![1; 1000]).await?;
        Ok(refused.refused(402, "InsufficientFunds").is_ok().then_some(()))
    })
    .await?;
    s3.delete("owing", "c").await?.ok()?;
    wait_until("refusals name the dates", async || {
        let refused = s3.put("owing", "c", vec![1; 1000]).await?;
        let named = refused.text().contains("ReadOnlyAt") && refused.text().contains("EndsAt");
        Ok((named && refused.text_of("Message")?.contains("takes no change but deletions")).then_some(()))
    })
    .await?;
    tag(&s3, "in grace").await?.ok()?;
    let shown = json(gateway, &["account", "root"]).await?;
    ensure!(shown[0]["owes"].as_u64() > Some(0) && shown[0]["dates"].is_array(), "{shown}");

    let read_only = notice(receiver, "read-only").await?;
    ensure!(read_only["endsAt"].as_str() >= grace["endsAt"].as_str(), "dates only move to later: {grace} {read_only}");
    wait_until("changes are refused", async || Ok((tag(&s3, "later").await?.status == 402).then_some(()))).await?;
    s3.get("owing", "a").await?.ok()?;
    s3.delete("owing", "b").await?.ok()?;
    gateway.haulout(&["bucket", "arrears", "owing", "--remove-content"]).fails().await?;

    notice(receiver, "ended").await?;
    let shown = json(gateway, &["bucket", "arrears"]).await?;
    ensure!(shown[0]["arrears"]["stage"] == "ended" && shown[0]["arrears"]["is_given_up"] == false, "{shown}");
    tokio::time::sleep(Duration::from_secs(8)).await;
    s3.get("owing", "a").await?.ok()?;
    let listed = s3.list("owing", &[]).await?.0;
    ensure!(listed == ["a", "locked"], "nothing goes by itself: {listed:?}");

    // The operator decides; what is locked stays, and more time ends the removal.
    gateway.haulout(&["bucket", "arrears", "owing", "--remove-content"]).ok().await?;
    wait_until("what is not locked goes", async || Ok(s3.list("owing", &[]).await?.0.is_empty().then_some(()))).await?;
    let said = gateway.haulout(&["bucket", "arrears", "owing", "--extend", "1"]).ok().await?;
    ensure!(said.contains("no change but deletions"), "{said}");
    paying_ends_it(gateway, receiver, &s3, &locked).await
}

async fn paying_ends_it(gateway: &TestGateway, receiver: &Receiver, s3: &S3, locked: &str) -> Result<()> {
    gateway.haulout(&["account", "credit", "root", "1000WAL", "--reference", "paid"]).ok().await?;
    wait_until("a payment ends it", async || {
        Ok((s3.put("owing", "c", vec![1; 1000]).await?.status == 200).then_some(()))
    })
    .await?;
    notice(receiver, "paid").await?;
    ensure!(gateway.haulout(&["bucket", "arrears"]).ok().await?.contains("no bucket owes"));
    gateway.haulout(&["bucket", "arrears", "owing", "--remove-content"]).fails().await?;
    ensure!(s3.list("owing", &[]).await?.0 == ["c"], "it is a bucket like any other");
    s3.put("owing", "a", vec![1; 1000]).await?.ok()?;
    tag(s3, "paid").await?.ok()?;
    let version = s3.on(Method::GET, "owing", "locked").query("versionId", locked);
    version.send().await?.ok().map(drop)
}

fn minutes(database: Database) -> Settings {
    Settings::new(database).env("HAULOUT_EPOCH", "60")
}

async fn epochs(gateway: &TestGateway) -> Result<Vec<Value>> {
    let shown = json(gateway, &["epoch"]).await?;
    Ok(shown.as_array().context("a list")?.clone())
}

/// What the gateway reports of itself; it goes on serving.
fn ready(gateway: &TestGateway) -> Result<String> {
    let (status, report) = gateway.ops("/health/ready")?;
    ensure!(status == 200, "{report}");
    Ok(report)
}

async fn a_jump_of_the_clock_waits_for_a_word(gateway: &mut TestGateway) -> Result<()> {
    let clock = WallClock::of(gateway)?;
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    s3.put("kept", "a", vec![1; 1 << 20]).await?.ok()?;
    let before = epochs(gateway).await?;
    gateway.haulout(&["epoch", "confirm"]).fails().await?;

    // Ten epochs and a half, of which nobody saw any.
    clock.set_ahead(630)?;
    let log = gateway.wait_for_log("nothing is charged or settled until").await?;
    ensure!(log.contains("haulout epoch confirm"), "{log}");
    let report = ready(gateway)?;
    ensure!(report.contains("haulout epoch confirm"), "{report}");
    tokio::time::sleep(Duration::from_secs(12)).await;
    let waiting = epochs(gateway).await?;
    ensure!(waiting[0]["number"] == before[0]["number"] && waiting[0]["state"] == "open", "{waiting:?}");
    ensure!(
        gateway.haulout(&["invoice", "kept", "--csv"]).ok().await?.lines().count() <= before.len(),
        "it is charged"
    );

    // Set back, it needs no word.
    clock.set_ahead(0)?;
    wait_until("the jump is over", async || Ok((!ready(gateway)?.contains("epoch confirm")).then_some(()))).await?;

    clock.set_ahead(630)?;
    wait_until("it waits", async || Ok(ready(gateway)?.contains("epoch confirm").then_some(()))).await?;
    let said = gateway.haulout(&["epoch", "confirm"]).ok().await?;
    ensure!(said.contains("are begun one by one"), "{said}");
    wait_until("the epochs are begun one by one", async || {
        let shown = epochs(gateway).await?;
        let caught_up = shown.iter().filter(|epoch| epoch["is_caught_up"] == true).count();
        Ok((caught_up >= 8 && shown[0]["is_caught_up"] == false).then_some(()))
    })
    .await?;
    ensure!(!ready(gateway)?.contains("epoch confirm"));
    clock.set_ahead(0)
}
