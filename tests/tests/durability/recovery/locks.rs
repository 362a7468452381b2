//! The database is lost right after something was locked, or given to others: nothing of that is lost.

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Payload, S3, Settings, TestGateway, on_both};
use http::Method;
use serde_json::Value;

on_both!(unhurried => what_writes_lock_stays_locked, a_bucket_keeps_its_lock_and_its_list, a_new_user_stays);

/// The journal is written only when something waits for it.
fn unhurried(database: Database) -> Settings {
    Settings::new(database).set("journal", "lag_seconds = 3600").set("objects", "grace_seconds = 3600")
}

/// The gateway dies, the database is lost and built again.
async fn lose_and_rebuild(gateway: &mut TestGateway) -> Result<()> {
    gateway.kill();
    gateway.lose_database().await?;
    let outcome = gateway.haulout(&["recover", "--json"]).run().await?;
    serde_json::from_str::<Value>(&outcome.stdout).with_context(|| outcome.describe())?;
    gateway.restart()?;
    gateway.haulout(&["recover", "confirm"]).ok().await.map(drop)
}

/// The version of a key cannot be removed for good.
async fn is_locked(s3: &S3, key: &str) -> Result<()> {
    let version = s3.head("locked", key).await?.ok()?.header("x-amz-version-id").to_owned();
    let remove = s3.on(Method::DELETE, "locked", key).query("versionId", &version);
    remove.send().await?.refused(403, "AccessDenied").with_context(|| key.to_owned())
}

async fn what_writes_lock_stays_locked(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    let hold = ("x-amz-object-lock-legal-hold", "ON");
    s3.request(Method::PUT, "/locked").header("x-amz-bucket-object-lock-enabled", "true").send().await?.ok()?;
    // Each write is the last that is acknowledged before the database is lost.
    let body = || Payload::new("locked", 1, 3_000).bytes();
    s3.on(Method::PUT, "locked", "put").header(hold.0, hold.1).checked(body()).send().await?.ok()?;
    lose_and_rebuild(gateway).await?;
    is_locked(&s3, "put").await?;

    let copy = s3.on(Method::PUT, "locked", "copied").header("x-amz-copy-source", "/locked/put");
    copy.header(hold.0, hold.1).send().await?.ok()?;
    lose_and_rebuild(gateway).await?;
    is_locked(&s3, "copied").await?;

    let begin = s3.on(Method::POST, "locked", "in parts").query("uploads", "").header(hold.0, hold.1);
    let upload = begin.send().await?.ok()?.texts_of("UploadId").remove(0);
    let part = s3.put_part("locked", "in parts", &upload, 1, body()).await?;
    s3.complete("locked", "in parts", &upload, &[(1, part)]).await?.ok()?;
    lose_and_rebuild(gateway).await?;
    is_locked(&s3, "in parts").await?;

    let retain = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                  <Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    s3.request(Method::PUT, "/locked").query("object-lock", "").checked(retain).send().await?.ok()?;
    s3.put("locked", "retained", body()).await?.ok()?;
    let until = s3.head("locked", "retained").await?.ok()?.header("x-amz-object-lock-retain-until-date").to_owned();
    lose_and_rebuild(gateway).await?;
    is_locked(&s3, "retained").await?;
    let kept = s3.head("locked", "retained").await?.ok()?.header("x-amz-object-lock-retain-until-date").to_owned();
    ensure!(!until.is_empty() && kept == until, "{kept} instead of {until}");
    for key in ["put", "copied", "in parts"] {
        is_locked(&s3, key).await?;
    }
    gateway.wait_for_collection().await
}

async fn a_bucket_keeps_its_lock_and_its_list(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.request(Method::PUT, "/locked").header("x-amz-bucket-object-lock-enabled", "true").send().await?.ok()?;
    lose_and_rebuild(gateway).await?;
    let locked = s3.request(Method::GET, "/locked").query("object-lock", "").send().await?.ok()?.text();
    ensure!(locked.contains("Enabled"), "{locked}");
    let listed = s3.request(Method::PUT, "/listed").header("x-amz-object-ownership", "ObjectWriter");
    listed.header("x-amz-acl", "authenticated-read").send().await?.ok()?;
    lose_and_rebuild(gateway).await?;
    let list = s3.request(Method::GET, "/listed").query("acl", "").send().await?.ok()?.text();
    ensure!(list.contains("AuthenticatedUsers"), "{list}");
    gateway.wait_for_collection().await
}

async fn a_new_user_stays(gateway: &mut TestGateway) -> Result<()> {
    let added = gateway.haulout(&["user", "add", "ann", "--json"]).ok().await?;
    lose_and_rebuild(gateway).await?;
    let users = gateway.haulout(&["user", "list", "--json"]).ok().await?;
    ensure!(users.contains("ann"), "{added} {users}");
    gateway.wait_for_collection().await
}
