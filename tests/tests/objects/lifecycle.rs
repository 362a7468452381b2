//! Lifecycle rules with a short day: what a rule says happens, and nothing else.

use anyhow::{Result, bail, ensure};
use harness::{Database, S3, Settings, TestGateway, on_both, on_sqlite, wait_until};
use http::Method;

on_both!(short_days => objects_expire_and_uploads_are_given_up);
on_sqlite!(short_days => a_round_goes_on_after_a_restart, rules_survive_the_way_there_and_back);
on_sqlite!(very_short_uploads => uploads_that_were_left_alone_are_given_up);

fn short_days(database: Database) -> Settings {
    Settings::new(database).set("debug", "lifecycle_day_seconds = 2")
}

fn very_short_uploads(database: Database) -> Settings {
    short_days(database).set("objects", "upload_days_max = 1")
}

async fn put_rules(s3: &S3, rules: &str) -> Result<()> {
    let document = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
    let request = s3.on(Method::PUT, "aging", "").query("lifecycle", "").body(document.clone());
    request.header("content-md5", md5(document.as_bytes())).send().await?.ok().map(drop)
}

fn md5(bytes: &[u8]) -> String {
    use base64::Engine;
    use md5::Digest;
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(bytes))
}

async fn wait_for_keys(s3: &S3, wanted: &[&str]) -> Result<()> {
    let listed = async || Ok((s3.list("aging", &[]).await?.0 == wanted).then_some(()));
    let waited = wait_until(&format!("{wanted:?} are left"), listed).await;
    if waited.is_err() {
        bail!("{:?} and not {wanted:?}", s3.list("aging", &[]).await?.0);
    }
    waited
}

async fn objects_expire_and_uploads_are_given_up(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("aging").await?;
    for key in ["keep/1", "logs/1", "logs/2", "slow/1"] {
        s3.put("aging", key, "content").await?.ok()?;
    }
    s3.put("aging", "sized/large", vec![1; 3_000]).await?.ok()?;
    s3.put("aging", "sized/small", "x").await?.ok()?;
    let (gone, kept) = (s3.create_upload("aging", "logs/up").await?, s3.create_upload("aging", "keep/up").await?);
    s3.put_part("aging", "logs/up", &gone, 1, vec![7; 100_000].into()).await?;
    let expire = |id: &str, filter: &str, days: u32| {
        format!(
            "<Rule><ID>{id}</ID><Filter>{filter}</Filter><Status>Enabled</Status>\
             <Expiration><Days>{days}</Days></Expiration></Rule>"
        )
    };
    let and = "<And><Prefix>sized/</Prefix><ObjectSizeGreaterThan>1000</ObjectSizeGreaterThan></And>";
    let rules = [
        expire("logs", "<Prefix>logs/</Prefix>", 1),
        expire("slow", "<Prefix>slow/</Prefix>", 1_000),
        expire("large", and, 1),
        expire("off", "<Prefix>keep/</Prefix>", 1).replace("Enabled", "Disabled"),
        "<Rule><ID>up</ID><Prefix>logs/</Prefix><Status>Enabled</Status><AbortIncompleteMultipartUpload>\
         <DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
            .to_owned(),
    ];
    put_rules(&s3, &rules.concat()).await?;
    let reply = s3.put("aging", "logs/3", "new").await?.ok()?;
    let said = reply.header("x-amz-expiration");
    ensure!(said.starts_with("expiry-date=\"") && said.ends_with("00:00:00 GMT\", rule-id=\"logs\""), "{said}");
    ensure!(s3.put("aging", "keep/2", "new").await?.ok()?.header("x-amz-expiration").is_empty());
    wait_for_keys(&s3, &["keep/1", "keep/2", "sized/small", "slow/1"]).await?;
    let missing = s3.on(Method::GET, "aging", "logs/up").query("uploadId", gone).send().await?;
    ensure!(missing.status == 404, "{missing:?}");
    s3.on(Method::GET, "aging", "keep/up").query("uploadId", kept.clone()).send().await?.ok()?;
    s3.on(Method::DELETE, "aging", "keep/up").query("uploadId", kept).send().await?.ok()?;
    Ok(())
}

async fn a_round_goes_on_after_a_restart(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("aging").await?;
    for number in 0..50 {
        s3.put("aging", &format!("logs/{number}"), "content").await?.ok()?;
    }
    let rule =
        "<Rule><ID>a</ID><Prefix>logs/</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>";
    put_rules(&s3, rule).await?;
    gateway.kill();
    gateway.restart()?;
    wait_for_keys(&s3, &[]).await
}

async fn rules_survive_the_way_there_and_back(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("aging").await?;
    let missing = s3.on(Method::GET, "aging", "").query("lifecycle", "").send().await?;
    ensure!(missing.status == 404);
    let rule = "<Rule><ID>a</ID><Filter><Tag><Key>k</Key><Value>&lt;v&gt;</Value></Tag></Filter>\
                <Status>Enabled</Status><Expiration><Date>2040-01-01T00:00:00.000Z</Date></Expiration></Rule>";
    put_rules(&s3, rule).await?;
    let shown = s3.on(Method::GET, "aging", "").query("lifecycle", "").send().await?.ok()?;
    ensure!(String::from_utf8_lossy(&shown.body).contains(rule), "{shown:?}");
    ensure!(shown.header("x-amz-transition-default-minimum-object-size") == "all_storage_classes_128K");
    s3.on(Method::DELETE, "aging", "").query("lifecycle", "").send().await?.ok()?;
    ensure!(s3.on(Method::GET, "aging", "").query("lifecycle", "").send().await?.status == 404);
    Ok(())
}

async fn uploads_that_were_left_alone_are_given_up(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("aging").await?;
    let upload = s3.create_upload("aging", "up").await?;
    s3.put_part("aging", "up", &upload, 1, vec![7; 100_000].into()).await?;
    wait_until("the upload is gone", async || {
        let parts = s3.on(Method::GET, "aging", "up").query("uploadId", upload.clone()).send().await?;
        Ok((parts.status == 404).then_some(()))
    })
    .await
}
