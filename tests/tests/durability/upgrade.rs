//! What an earlier release wrote is opened by this one, holds what it held, and goes on from there.

use anyhow::{Result, ensure};
use harness::{Database, Fixture, Payload, Receiver, S3, TestGateway, with_webhook};
use http::Method;

/// The releases whose data is kept in `tests/fixtures`.
const RELEASES: [&str; 1] = ["release-0.1"];

#[test]
fn sqlite() -> Result<()> {
    upgrades(Database::Sqlite)
}

#[test]
fn postgres() -> Result<()> {
    upgrades(Database::Postgres)
}

fn upgrades(database: Database) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        for release in RELEASES {
            let folder = Fixture::folder(release, database);
            let receiver = Receiver::start(0).await?;
            // That release showed the names of owners.
            let settings = with_webhook(Fixture::settings(database), receiver.address(), true)
                .set("s3", "owner_display_names = true");
            let mut gateway = TestGateway::open(settings, &folder).await?;
            match opened(&mut gateway, &Fixture::read(&folder)?, &receiver).await {
                Ok(()) => gateway.finish().await?,
                Err(error) => {
                    gateway.print_log();
                    return Err(error);
                }
            }
        }
        Ok(())
    })
}

async fn opened(gateway: &mut TestGateway, fixture: &Fixture, receiver: &Receiver) -> Result<()> {
    let root = fixture.user(gateway, "root")?;
    ensure!(gateway.root_keys().0 == fixture.keys["root"].0, "the root user's keys are those of the data folder");
    fixture.read_back(gateway).await?;
    what_was_queued_is_done(gateway, fixture, receiver).await?;
    fixture.read_back(gateway).await?;
    what_was_locked_stays_locked(&root).await?;
    writes_go_on(gateway, fixture, &root).await?;
    complete_the_open_upload(fixture, &root).await?;
    rotate_the_cluster_key(gateway).await?;
    // A stop may meet background work, whose slivers the next start collects.
    gateway.wait_for_collection().await?;
    gateway.restart()?;
    for exchange in fixture.exchanges.iter().filter(|exchange| exchange.path.starts_with("/plain/")) {
        exchange.repeat(&fixture.user(gateway, &exchange.user)?).await?;
    }
    Ok(())
}

/// The repair, the dead blobs and the notifications that the old program had not come to.
async fn what_was_queued_is_done(gateway: &TestGateway, fixture: &Fixture, receiver: &Receiver) -> Result<()> {
    gateway.wait_for_repair().await?;
    gateway.haulout(&["collect", "--json"]).ok().await?;
    gateway.check(true).await?.must_be_clean()?;
    // The first message is the one that says that notifications were configured.
    let messages = receiver.wait_for(1 + fixture.notifications.len()).await?;
    let keys = messages.iter().filter_map(|message| message["Records"][0]["s3"]["object"]["key"].as_str());
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    ensure!(keys == fixture.notifications, "{messages:?}");
    Ok(())
}

async fn what_was_locked_stays_locked(root: &S3) -> Result<()> {
    for key in ["by-default", "COMPLIANCE", "GOVERNANCE", "held"] {
        let version = root.head("locked", key).await?.ok()?.header("x-amz-version-id").to_owned();
        let delete = root.on(Method::DELETE, "locked", key).query("versionId", version);
        delete.send().await?.refused(403, "AccessDenied")?;
    }
    Ok(())
}

/// New versions of old keys and new objects in every bucket.
async fn writes_go_on(gateway: &TestGateway, fixture: &Fixture, root: &S3) -> Result<()> {
    for bucket in ["plain", "classes", "enabled", "suspended", "locked", "settings", "lists", "told"] {
        for (key, size) in [("new/small", 700), ("new/large", 70_003)] {
            let payload = Payload::new(key, 1, size);
            root.put(bucket, key, payload.bytes()).await?.ok()?;
            ensure!(root.get(bucket, key).await?.ok()?.body == payload.bytes(), "{bucket}/{key}");
        }
    }
    let before = root.get("enabled", "replaced").await?.ok()?;
    let replaced = root.put("enabled", "replaced", "new content").await?.ok()?;
    ensure!(root.get("enabled", "replaced").await?.ok()?.text() == "new content");
    let version = replaced.header("x-amz-version-id");
    root.on(Method::DELETE, "enabled", "replaced").query("versionId", version).send().await?.ok()?;
    ensure!(root.get("enabled", "replaced").await?.ok()?.body == before.body, "the older version is current again");
    // A copy shares the old blobs; they outlive it.
    let copy = root.on(Method::PUT, "plain", "new/copy").header("x-amz-copy-source", "/plain/large");
    copy.send().await?.ok()?;
    root.delete("plain", "new/copy").await?.ok()?;
    fixture.user(gateway, "alice")?.put("alices", "new", "counted").await?.ok()?;
    fixture.user(gateway, "bob")?.get("alices", "new").await?.ok().map(drop)
}

/// The first part is sent again, large enough; the others are those of the old program.
async fn complete_the_open_upload(fixture: &Fixture, root: &S3) -> Result<()> {
    let upload = &fixture.open_upload;
    let first = Payload::new("first part", 1, 5 << 20);
    let (mut parts, mut content) = (Vec::new(), Vec::new());
    for (number, etag, seed, size) in upload.parts.iter().take(2) {
        if *number == 1 {
            let etag = root.put_part(&upload.bucket, &upload.key, &upload.id, 1, first.bytes()).await?;
            parts.push((1, etag));
            content.extend(first.bytes());
        } else {
            parts.push((*number, etag.clone()));
            content.extend(Payload::new(seed, 0, *size).bytes());
        }
    }
    root.complete(&upload.bucket, &upload.key, &upload.id, &parts).await?.ok()?;
    let whole = root.get(&upload.bucket, &upload.key).await?.ok()?;
    ensure!(whole.body == content, "{} bytes instead of {}", whole.body.len(), content.len());
    ensure!(whole.header("content-type") == "text/html" && whole.header("x-amz-storage-class") == "STANDARD_IA");
    ensure!(whole.header("x-amz-tagging-count") == "1" && whole.etag().ends_with("-2\""), "{:?}", whole.headers);
    Ok(())
}

/// A third key joins the two of the fixture.
async fn rotate_the_cluster_key(gateway: &mut TestGateway) -> Result<()> {
    gateway.stop()?;
    let file = gateway.data().join("cluster.key");
    let keys = std::fs::read_to_string(&file)?;
    ensure!(keys.lines().count() == 2, "the fixture has two cluster keys");
    std::fs::write(&file, format!("{keys}3 {}\n", "c3".repeat(32)))?;
    gateway.restart()?;
    let rotated = gateway.haulout(&["keys", "rotate", "cluster", "--json"]).ok().await?;
    let rotated: serde_json::Value = serde_json::from_str(&rotated)?;
    ensure!(rotated["rewrapped"].as_u64() > Some(0) && rotated["failed"] == 0, "{rotated}");
    Ok(())
}
