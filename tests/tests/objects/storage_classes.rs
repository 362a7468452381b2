//! Storage classes are schemes by name: writes ask for them, lifecycle rules move objects between them, and nothing else changes.

use anyhow::{Result, ensure};
use base64::Engine;
use harness::{Database, Payload, Reply, S3, Settings, TestGateway, on_both, on_sqlite, wait_until};
use http::Method;
use md5::Digest;

on_both!(classes => writes_and_transitions_are_coded_as_their_class_says);
on_sqlite!(classes => a_bucket_is_listed_in_an_inventory);

fn classes(database: Database) -> Settings {
    let settings = Settings::new(database).set("debug", "lifecycle_day_seconds = 2");
    settings.set("storage_class.GLACIER", "scheme = \"rs-2-1\"").set("storage_class.STANDARD_IA", "scheme = \"copy-2\"")
}

fn digest(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(bytes))
}

async fn put_as(s3: &S3, key: &str, class: &str, body: bytes::Bytes) -> Result<Reply> {
    s3.on(Method::PUT, "cold", key).header("x-amz-storage-class", class).body(body).send().await
}

async fn class_of(s3: &S3, key: &str) -> Result<String> {
    Ok(s3.head("cold", key).await?.ok()?.header("x-amz-storage-class").to_owned())
}

async fn listed(s3: &S3) -> Result<String> {
    let reply = s3.on(Method::GET, "cold", "").query("list-type", "2").send().await?.ok()?;
    Ok(String::from_utf8_lossy(&reply.body).into_owned())
}

async fn writes_and_transitions_are_coded_as_their_class_says(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("cold").await?;
    let (small, large) = (Payload::new("small", 1, 5_000), Payload::new("large", 1, 3_000_000));
    for (class, shown) in [("GLACIER", "GLACIER"), ("STANDARD", ""), ("GLACIER_IR", "GLACIER_IR")] {
        for payload in [&small, &large] {
            let key = format!("{class}/{}", payload.len);
            put_as(&s3, &key, class, payload.bytes()).await?.ok()?;
            ensure!(class_of(&s3, &key).await? == shown, "{key}");
            ensure!(s3.get("cold", &key).await?.ok()?.body == payload.bytes(), "{key}");
            ensure!(listed(&s3).await?.contains(&format!("<StorageClass>{class}</StorageClass>")), "{key}");
        }
    }
    put_as(&s3, "no", "DEEP_ARCHIVE", small.bytes()).await?.refused(400, "InvalidStorageClass")?;
    let restore =
        s3.on(Method::POST, "cold", "GLACIER/5000").query("restore", "").body("<RestoreRequest/>").send().await?;
    restore.refused(403, "InvalidObjectState")?;
    let copy = s3.on(Method::PUT, "cold", "copy").header("x-amz-copy-source", "/cold/STANDARD/3000000");
    copy.header("x-amz-storage-class", "STANDARD_IA").send().await?.ok()?;
    ensure!(class_of(&s3, "copy").await? == "STANDARD_IA");
    let before = s3.head("cold", "STANDARD/3000000").await?.ok()?;
    let rules = "<LifecycleConfiguration><Rule><ID>move</ID><Filter><Prefix>STANDARD/</Prefix></Filter><Status>Enabled</Status>\
                 <Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>";
    let request = s3.on(Method::PUT, "cold", "").query("lifecycle", "").header("content-md5", digest(rules.as_bytes()));
    request.body(rules).send().await?.ok()?;
    wait_until("it has moved", async || Ok((class_of(&s3, "STANDARD/3000000").await? == "GLACIER").then_some(())))
        .await?;
    let after = s3.head("cold", "STANDARD/3000000").await?.ok()?;
    for name in ["etag", "last-modified", "content-length"] {
        ensure!(before.header(name) == after.header(name), "{name}");
    }
    ensure!(class_of(&s3, "STANDARD/5000").await?.is_empty(), "small ones stay");
    for key in ["STANDARD/3000000", "copy"] {
        ensure!(s3.get("cold", key).await?.ok()?.body == large.bytes(), "{key}");
    }
    Ok(())
}

async fn a_bucket_is_listed_in_an_inventory(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("lists").await?;
    let document = "<InventoryConfiguration><Destination><S3BucketDestination><Bucket>arn:aws:s3:::lists</Bucket>\
                    <Format>CSV</Format><Prefix>out</Prefix></S3BucketDestination></Destination>\
                    <IsEnabled>true</IsEnabled><Id>daily</Id><IncludedObjectVersions>Current</IncludedObjectVersions>\
                    <OptionalFields><Field>Size</Field><Field>ETag</Field></OptionalFields>\
                    <Schedule><Frequency>Daily</Frequency></Schedule></InventoryConfiguration>";
    // An earlier bucket's list can never be made: its destination is gone.
    for bucket in ["broken", "gone"] {
        s3.create_bucket(bucket).await?;
    }
    let broken = s3.on(Method::PUT, "broken", "").query("inventory", "").query("id", "daily");
    broken.body(document.replace("lists", "gone")).send().await?.ok()?;
    s3.request(Method::DELETE, "/gone").send().await?.ok()?;
    s3.create_bucket("cold").await?;
    for key in ["a b", "c"] {
        s3.put("cold", key, "content").await?.ok()?;
    }
    let about = |method| s3.on(method, "cold", "").query("inventory", "").query("id", "daily");
    about(Method::PUT).body(document).send().await?.ok()?;
    let shown = about(Method::GET).send().await?.ok()?;
    let inside = document.trim_start_matches("<InventoryConfiguration>");
    ensure!(String::from_utf8_lossy(&shown.body).contains(inside), "{shown:?}");
    let all = s3.on(Method::GET, "cold", "").query("inventory", "").send().await?.ok()?;
    ensure!(String::from_utf8_lossy(&all.body).contains("<Id>daily</Id>"));
    let manifest = wait_until("a list was made", async || {
        let keys = s3.list("lists", &[("prefix", "out/cold/daily/")]).await?.0;
        Ok(keys.into_iter().find(|key| key.ends_with("/manifest.json")))
    })
    .await?;
    about(Method::DELETE).send().await?.ok()?;
    about(Method::GET).send().await?.refused(404, "NoSuchConfiguration")?;
    let manifest: serde_json::Value = serde_json::from_slice(&s3.get("lists", &manifest).await?.ok()?.body)?;
    ensure!(manifest["sourceBucket"] == "cold" && manifest["fileSchema"] == "Bucket, Key, Size, ETag", "{manifest}");
    let file = &manifest["files"][0];
    let data = s3.get("lists", file["key"].as_str().unwrap_or_default()).await?.ok()?.body;
    ensure!(hex::encode(md5::Md5::digest(&data)) == file["MD5checksum"], "{manifest}");
    ensure!(data.starts_with(&[0x1f, 0x8b]) && file["size"] == data.len(), "compressed");
    Ok(())
}
