//! Multipart uploads: all or nothing, and Complete can be asked again.

use anyhow::{Result, ensure};
use base64::Engine;
use harness::{Payload, S3, TestGateway, on_both};
use http::Method;

on_both!(
    an_upload_becomes_one_object,
    what_is_wrong_is_refused,
    completing_once_more_is_checked_as_the_first_time,
    an_aborted_upload_leaves_nothing,
    parts_are_copied,
);

const PART: u64 = 5 << 20;

async fn bucket(gateway: &TestGateway) -> Result<S3> {
    let s3 = gateway.root();
    s3.create_bucket("parts").await?;
    Ok(s3)
}

fn part(number: u64, version: u64) -> Payload {
    Payload::new(&format!("part {number}"), version, if number == 3 { 777_777 } else { PART + number })
}

async fn an_upload_becomes_one_object(gateway: &mut TestGateway) -> Result<()> {
    let s3 = bucket(gateway).await?;
    let upload = s3.create_upload("parts", "whole").await?;
    s3.put_part("parts", "whole", &upload, 2, part(2, 0).bytes()).await?;
    let third = s3.put_part("parts", "whole", &upload, 3, part(3, 1).bytes()).await?;
    let second = s3.put_part("parts", "whole", &upload, 2, part(2, 1).bytes()).await?;
    s3.put_part("parts", "whole", &upload, 9, "not chosen".into()).await?;
    let first = s3.put_part("parts", "whole", &upload, 1, part(1, 1).bytes()).await?;
    s3.get("parts", "whole").await?.refused(404, "NoSuchKey")?;
    let listed = s3.on(Method::GET, "parts", "whole").query("uploadId", &upload).send().await?.ok()?;
    ensure!(listed.texts_of("PartNumber") == ["1", "2", "3", "9"], "{}", listed.text());
    let uploads = s3.request(Method::GET, "/parts").query("uploads", "").send().await?.ok()?;
    ensure!(uploads.texts_of("UploadId") == [upload.clone()], "{}", uploads.text());

    let chosen = [(1, first), (2, second), (3, third)];
    let completed = s3.complete("parts", "whole", &upload, &chosen).await?.ok()?.text_of("ETag")?;
    let again = s3.complete("parts", "whole", &upload, &chosen).await?.ok()?.text_of("ETag")?;
    ensure!(completed == again && completed.ends_with("-3\""), "{completed} {again}");

    let mut whole = Vec::new();
    for number in 1..=3 {
        whole.extend(part(number, 1).bytes());
    }
    let read = s3.get("parts", "whole").await?.ok()?;
    ensure!(read.body == whole && read.etag() == completed);
    let second = s3.on(Method::GET, "parts", "whole").query("partNumber", "2").send().await?;
    ensure!(second.status == 206 && second.body == part(2, 1).bytes() && second.header("x-amz-mp-parts-count") == "3");
    let across = PART - 1000..PART + 1000;
    let range = s3.get_range("parts", "whole", across.clone()).await?;
    ensure!(range.body == whole[usize::try_from(across.start)?..usize::try_from(across.end)?]);
    Ok(())
}

async fn what_is_wrong_is_refused(gateway: &mut TestGateway) -> Result<()> {
    let s3 = bucket(gateway).await?;
    let upload = s3.create_upload("parts", "key").await?;
    let small = s3.put_part("parts", "key", &upload, 1, "small".into()).await?;
    let last = s3.put_part("parts", "key", &upload, 2, "last".into()).await?;
    let complete = |parts: Vec<(u32, String)>| {
        let (s3, upload) = (s3.clone(), upload.clone());
        async move { s3.complete("parts", "key", &upload, &parts).await }
    };
    complete(vec![(1, small.clone()), (2, last.clone())]).await?.refused(400, "EntityTooSmall")?;
    complete(vec![(2, last.clone()), (1, small.clone())]).await?.refused(400, "InvalidPartOrder")?;
    complete(vec![(1, last.clone())]).await?.refused(400, "InvalidPart")?;
    complete(vec![(7, last.clone())]).await?.refused(400, "InvalidPart")?;
    complete(vec![]).await?.refused(400, "InvalidRequest")?;
    for number in ["0", "10001", "x"] {
        let request = s3.on(Method::PUT, "parts", "key").query("partNumber", number).query("uploadId", &upload);
        request.body("x").send().await?.refused(400, "InvalidArgument")?;
    }
    let elsewhere = s3.on(Method::PUT, "parts", "other key").query("partNumber", "1").query("uploadId", &upload);
    elsewhere.body("x").send().await?.refused(404, "NoSuchUpload")?;
    let wrong = base64::engine::general_purpose::STANDARD.encode([7; 16]);
    let damaged = s3.on(Method::PUT, "parts", "key").query("partNumber", "1").query("uploadId", &upload);
    damaged.header("content-md5", wrong).body("damaged on its way").send().await?.refused(400, "BadDigest")?;
    complete(vec![(1, small)]).await?.ok()?;
    ensure!(s3.get("parts", "key").await?.text() == "small");
    Ok(())
}

/// The same request gets the same answer; one that says something else of the object does not.
async fn completing_once_more_is_checked_as_the_first_time(gateway: &mut TestGateway) -> Result<()> {
    let s3 = bucket(gateway).await?;
    let upload = s3.create_upload("parts", "key").await?;
    let first = s3.put_part("parts", "key", &upload, 1, part(1, 1).bytes()).await?;
    let last = s3.put_part("parts", "key", &upload, 3, part(3, 1).bytes()).await?;
    let line = |number: u32, etag: &str| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    let complete = |lines: &str, headers: &[(&str, &str)]| {
        let request = s3.on(Method::POST, "parts", "key").query("uploadId", &upload);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
        request.body(format!("<CompleteMultipartUpload>{lines}</CompleteMultipartUpload>")).send()
    };
    let (whole, new) = (line(1, &first) + &line(3, &last), [("if-none-match", "*")]);
    let completed = complete(&whole, &new).await?.ok()?;
    let (etag, checksum) = (completed.text_of("ETag")?, completed.text_of("ChecksumCRC64NVME")?);
    let size = part(1, 1).len + part(3, 1).len;
    let (right, wrong) = (size.to_string(), (size - 1).to_string());
    let true_again = [
        &new[..],
        &[("x-amz-checksum-crc64nvme", &*checksum)],
        &[("x-amz-checksum-type", "FULL_OBJECT")],
        &[("x-amz-mp-object-size", &*right)],
    ];
    for headers in true_again {
        let again = complete(&whole, headers).await?.ok()?;
        ensure!(again.text_of("ETag")? == etag && again.text_of("ChecksumCRC64NVME")? == checksum, "{headers:?}");
    }
    for (headers, code) in [
        (("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="), "BadDigest"),
        (("x-amz-checksum-crc32", "AAAAAA=="), "InvalidRequest"),
        (("x-amz-checksum-type", "COMPOSITE"), "InvalidRequest"),
        (("x-amz-mp-object-size", &*wrong), "InvalidRequest"),
    ] {
        complete(&whole, &[headers]).await?.refused(400, code)?;
    }
    complete(&line(1, &first), &[]).await?.refused(400, "InvalidPart")?;
    s3.put("parts", "key", "something newer").await?.ok()?;
    complete(&whole, &new).await?.refused(412, "PreconditionFailed")?;
    ensure!(complete(&whole, &[]).await?.ok()?.text_of("ETag")? == etag, "the answer of the first time");
    ensure!(s3.get("parts", "key").await?.ok()?.body == "something newer");
    Ok(())
}

async fn an_aborted_upload_leaves_nothing(gateway: &mut TestGateway) -> Result<()> {
    let s3 = bucket(gateway).await?;
    let upload = s3.create_upload("parts", "key").await?;
    let etag = s3.put_part("parts", "key", &upload, 1, part(1, 1).bytes()).await?;
    let abort = || s3.on(Method::DELETE, "parts", "key").query("uploadId", &upload);
    ensure!(abort().send().await?.status == 204);
    abort().send().await?.refused(404, "NoSuchUpload")?;
    s3.complete("parts", "key", &upload, &[(1, etag)]).await?.refused(404, "NoSuchUpload")?;
    let uploads = s3.request(Method::GET, "/parts").query("uploads", "").send().await?.ok()?;
    ensure!(uploads.texts_of("UploadId").is_empty(), "{}", uploads.text());
    ensure!(s3.request(Method::DELETE, "/parts").send().await?.status == 204, "an empty bucket can go");
    Ok(())
}

async fn parts_are_copied(gateway: &mut TestGateway) -> Result<()> {
    let s3 = bucket(gateway).await?;
    let source = Payload::new("source", 1, 2 * PART + 5);
    s3.put("parts", "a source +", source.bytes()).await?.ok()?;
    let upload = s3.create_upload("parts", "copy").await?;
    let mut parts = Vec::new();
    for (number, range) in [(1, 3..PART + 3), (2, 0..PART), (3, 2 * PART..2 * PART + 5)] {
        let request =
            s3.on(Method::PUT, "parts", "copy").query("partNumber", number.to_string()).query("uploadId", &upload);
        let request = request.header("x-amz-copy-source", "/parts/a%20source%20%2B");
        let range = format!("bytes={}-{}", range.start, range.end - 1);
        let reply = request.header("x-amz-copy-source-range", range).send().await?.ok()?;
        parts.push((number, reply.text_of("ETag")?));
    }
    s3.complete("parts", "copy", &upload, &parts).await?.ok()?;
    s3.delete("parts", "a source +").await?.ok()?;
    let expected = [source.range(3..PART + 3), source.range(0..PART), source.range(2 * PART..2 * PART + 5)].concat();
    ensure!(s3.get("parts", "copy").await?.ok()?.body == expected, "a copy outlives its source");
    Ok(())
}
