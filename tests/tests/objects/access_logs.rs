//! Server access logs: requests on one bucket become objects in another.

use anyhow::{Result, ensure};
use base64::Engine;
use harness::{Database, S3, Settings, TestGateway, on_sqlite, wait_until};
use http::Method;
use md5::Digest;

on_sqlite!(written_at_once => requests_are_logged_into_the_target_bucket);
on_sqlite!(a_stop_in_good_order_writes_what_waits);

fn written_at_once(database: Database) -> Settings {
    Settings::new(database).set("debug", "access_log_seconds = 1")
}

async fn configure(s3: &S3, inside: &str) -> Result<harness::Reply> {
    let document = format!("<BucketLoggingStatus>{inside}</BucketLoggingStatus>");
    let digest = base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(document.as_bytes()));
    let request = s3.on(Method::PUT, "logged", "").query("logging", "").header("content-md5", digest);
    request.body(document).send().await
}

fn enabled(target: &str) -> String {
    format!("<LoggingEnabled><TargetBucket>{target}</TargetBucket><TargetPrefix>from/</TargetPrefix></LoggingEnabled>")
}

async fn logs(s3: &S3) -> Result<String> {
    let mut text = String::new();
    for key in s3.list("logs", &[("prefix", "from/")]).await?.0 {
        text.push_str(&String::from_utf8_lossy(&s3.get("logs", &key).await?.ok()?.body));
    }
    Ok(text)
}

async fn requests_are_logged_into_the_target_bucket(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("logged").await?;
    s3.create_bucket("logs").await?;
    configure(&s3, &enabled("nowhere")).await?.refused(400, "InvalidTargetBucketForLogging")?;
    configure(&s3, &enabled("logs")).await?.ok()?;
    let shown = s3.on(Method::GET, "logged", "").query("logging", "").send().await?.ok()?;
    ensure!(String::from_utf8_lossy(&shown.body).contains(&enabled("logs")), "{shown:?}");
    s3.put("logged", "a key", "content").await?.ok()?;
    s3.get("logged", "a key").await?.ok()?;
    ensure!(s3.get("logged", "missing").await?.status == 404);
    let lines = ["REST.PUT.OBJECT a%20key", "REST.GET.OBJECT a%20key", "404 NoSuchKey"];
    let text = wait_until("the three requests are logged", async || {
        Ok(Some(logs(&s3).await?).filter(|text| lines.iter().all(|part| text.contains(part))))
    })
    .await?;
    ensure!(text.lines().all(|line| line.contains(" logged [") && line.contains("127.0.0.1")), "{text}");
    ensure!(text.contains("SigV4") && text.contains("AuthHeader"), "{text}");
    configure(&s3, "").await?.ok().map(drop)
}

async fn a_stop_in_good_order_writes_what_waits(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("logged").await?;
    s3.create_bucket("logs").await?;
    configure(&s3, &enabled("logs")).await?.ok()?;
    s3.put("logged", "key", "content").await?.ok()?;
    ensure!(logs(&s3).await?.is_empty(), "they wait for company");
    gateway.stop()?;
    gateway.restart()?;
    let text = logs(&s3).await?;
    ensure!(text.contains("REST.PUT.OBJECT key"), "{text}");
    Ok(())
}
