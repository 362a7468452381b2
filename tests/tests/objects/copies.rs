//! Copies: a copy is a whole object, whatever its source was uploaded as, unless the operator wants copies that cost nothing.

use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::{Database, Payload, Reply, S3, Settings, TestGateway, on_both};
use http::Method;
use md5::Digest;

on_both!(a_copy_is_a_whole_object, a_key_of_the_client_is_laid_down_by_a_copy);
on_both!(with_parts => a_copy_keeps_its_parts_where_that_is_wanted);

fn with_parts(database: Database) -> Settings {
    Settings::new(database).set("objects", "copies_keep_parts = true")
}

/// An object of two parts, which were uploaded as the first and the seventh, with a checksum of their checksums.
async fn upload(s3: &S3, key: &str) -> Result<Vec<u8>> {
    let request = s3.on(Method::POST, "copies", key).query("uploads", "").header("x-amz-checksum-algorithm", "CRC32");
    let upload = request.send().await?.ok()?.text_of("UploadId")?;
    let (mut parts, mut content) = (Vec::new(), Vec::new());
    for (number, size) in [(1, 5 << 20), (7, 777_777)] {
        let part = Payload::new(key, u64::from(number), size).bytes();
        content.extend_from_slice(&part);
        parts.push((number, s3.put_part("copies", key, &upload, number, part).await?));
    }
    s3.complete("copies", key, &upload, &parts).await?.ok()?;
    Ok(content)
}

async fn copy(s3: &S3, from: &str, to: &str, headers: &[(&str, &str)]) -> Result<Reply> {
    let request = s3.on(Method::PUT, "copies", to).header("x-amz-copy-source", format!("/copies/{from}"));
    headers.iter().fold(request, |request, (name, value)| request.header(name, *value)).send().await
}

async fn head(s3: &S3, key: &str) -> Result<Reply> {
    s3.on(Method::HEAD, "copies", key).header("x-amz-checksum-mode", "ENABLED").send().await?.ok()
}

async fn parts_of(s3: &S3, key: &str) -> Result<Vec<String>> {
    let request = s3.on(Method::GET, "copies", key).query("attributes", "");
    let reply = request.header("x-amz-object-attributes", "ObjectParts").send().await?.ok()?;
    Ok(reply.texts_of("PartNumber"))
}

async fn a_copy_is_a_whole_object(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("copies").await?;
    let content = upload(&s3, "source").await?;
    let source = head(&s3, "source").await?;
    ensure!(source.etag().ends_with("-2\"") && source.header("x-amz-checksum-type") == "COMPOSITE");
    ensure!(parts_of(&s3, "source").await? == ["1", "2"], "parts are numbered without gaps");
    for (number, part) in [("1", &content[..5 << 20]), ("2", &content[5 << 20..])] {
        let read = s3.on(Method::GET, "copies", "source").query("partNumber", number).send().await?.ok()?;
        ensure!(read.body == part && read.header("x-amz-mp-parts-count") == "2", "part {number}");
    }
    s3.on(Method::GET, "copies", "source").query("partNumber", "7").send().await?.refused(416, "InvalidPartNumber")?;

    let etag = format!("\"{}\"", hex::encode(md5::Md5::digest(&content)));
    let plain = s3.on(Method::PUT, "copies", "plain").header("x-amz-sdk-checksum-algorithm", "CRC32");
    let plain = plain.body(content.clone()).send().await?.ok()?.header("x-amz-checksum-crc32").to_owned();
    let replace = [("x-amz-metadata-directive", "REPLACE")];
    for (to, headers) in [("copy", &[][..]), ("source", &replace)] {
        let reply = copy(&s3, "source", to, headers).await?.ok()?;
        ensure!(reply.text_of("ETag")? == etag && reply.text_of("ChecksumCRC32")? == plain, "{}", reply.text());
        let copied = head(&s3, to).await?;
        ensure!(copied.etag() == etag && copied.header("x-amz-checksum-crc32") == plain);
        ensure!(copied.header("x-amz-checksum-type") == "FULL_OBJECT");
        ensure!(parts_of(&s3, to).await?.is_empty(), "{to}");
        ensure!(s3.get("copies", to).await?.ok()?.body == content, "{to}");
    }
    let asked = copy(&s3, "plain", "asked", &[("x-amz-checksum-algorithm", "SHA512")]).await?.ok()?;
    ensure!(asked.text_of("ChecksumSHA512")?.len() == 88 && asked.text_of("ETag")? == etag, "{}", asked.text());
    Ok(())
}

async fn a_copy_keeps_its_parts_where_that_is_wanted(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("copies").await?;
    let content = upload(&s3, "source").await?;
    copy(&s3, "source", "copy", &[]).await?.ok()?;
    let (source, copied) = (head(&s3, "source").await?, head(&s3, "copy").await?);
    ensure!(source.etag() == copied.etag(), "{}", copied.etag());
    ensure!(source.header("x-amz-checksum-crc32") == copied.header("x-amz-checksum-crc32"));
    ensure!(parts_of(&s3, "copy").await? == ["1", "2"]);
    ensure!(s3.get("copies", "copy").await?.ok()?.body == content);
    Ok(())
}

/// What a key of the client enciphers, copied onto itself to what the bucket does by default, is changed: the copy is legal.
async fn a_key_of_the_client_is_laid_down_by_a_copy(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("copies").await?;
    let (key, digest) = ([7; 32], md5::Md5::digest([7; 32]));
    let (key, digest) = (STANDARD.encode(key), STANDARD.encode(digest));
    let named = |start: &str, name: &str| format!("x-amz-{start}server-side-encryption-customer-{name}");
    let put = s3.on(Method::PUT, "copies", "letter").header(&named("", "algorithm"), "AES256");
    let put = put.header(&named("", "key"), key.as_str()).header(&named("", "key-md5"), digest.as_str());
    put.body("dear").send().await?.ok()?;
    s3.get("copies", "letter").await?.refused(400, "InvalidRequest")?;
    copy(&s3, "letter", "letter", &[]).await?.refused(400, "InvalidRequest")?;

    let names = ["algorithm", "key", "key-md5"].map(|name| named("copy-source-", name));
    let headers = [(&*names[0], "AES256"), (&*names[1], &*key), (&*names[2], &*digest)];
    copy(&s3, "letter", "letter", &headers).await?.ok()?;
    ensure!(s3.get("copies", "letter").await?.ok()?.body == "dear", "no key is needed any more");
    copy(&s3, "letter", "letter", &[]).await?.refused(400, "InvalidRequest")
}
