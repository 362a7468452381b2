//! SIGTERM finishes what runs and takes nothing new; SIGHUP reads the configuration again, or keeps the old one.

use anyhow::{Result, ensure};
use harness::{Database, Payload, Settings, TestGateway, on_sqlite, wait_until};
use http::Method;

on_sqlite!(quiet => a_stop_lets_requests_finish, a_good_configuration_is_taken_up, a_bad_one_is_refused_whole);

fn quiet(database: Database) -> Settings {
    Settings::new(database).set("log", "filter = \"info\"")
}

async fn a_stop_lets_requests_finish(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("stop").await?;
    let payload = Payload::new("in flight", 1, 24 << 20);
    let request = s3.on(Method::PUT, "stop", "in flight").streamed(payload.clone());
    let (sent, asked) = tokio::join!(request.send(), async {
        wait_until("the request is under way", async || {
            Ok(gateway.ops("/metrics")?.1.contains("\nhaulout_requests 1").then_some(()))
        })
        .await?;
        gateway.ask_to_stop()
    });
    asked?;
    sent?.ok()?;
    gateway.wait_for_end()?;
    ensure!(s3.get("stop", "in flight").await.is_err(), "nobody listens any more");
    gateway.restart()?;
    s3.on(Method::GET, "stop", "in flight").expect_payload(&payload).await
}

async fn a_good_configuration_is_taken_up(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("told").await?;
    ensure!(!gateway.log().contains("told"), "requests are logged at debug only");
    gateway.reconfigure(|settings| settings.set("log", "filter = \"debug\""))?;
    gateway.reload()?;
    wait_until("the new log filter is in force", async || {
        s3.request(Method::HEAD, "/told").send().await?.ok()?;
        Ok(gateway.log().contains("/told").then_some(()))
    })
    .await
}

async fn a_bad_one_is_refused_whole(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    gateway.scribble_into_configuration("\n[s3x]\nlistne = \"nowhere\"\n")?;
    gateway.reload()?;
    let log = gateway.wait_for_log("the configuration was not reloaded").await?;
    s3.request(Method::HEAD, "/kept").send().await?.ok()?;
    ensure!(log.contains("s3x"), "the log names what is wrong");
    gateway.reconfigure(|settings| settings)?;
    gateway.reload()?;
    s3.request(Method::HEAD, "/kept").send().await?.ok().map(drop)
}
