//! Reads everything, compares it with what was written, and keeps the replies in the manifest.

use anyhow::{Context, Result, ensure};
use harness::{Command, Exchange, Expected, Reply, encode_key};
use http::Method;

use crate::buckets::{BUCKETS, PARAMETERS};
use crate::identity;
use crate::objects::client_key;
use crate::writer::Writer;

/// Records all reads.
pub async fn record(writer: &mut Writer) -> Result<()> {
    for bucket in BUCKETS.into_iter().chain(["alices"]) {
        for parameter in PARAMETERS {
            let exchange = Exchange::new("root", &Method::GET, format!("/{bucket}")).query(parameter, "");
            // That nothing is set has to be read once.
            if bucket == "plain" || exchange.send(&writer.root()).await?.status == 200 {
                keep(writer, exchange).await?;
            }
        }
        versions(writer, bucket).await?;
    }
    uploads(writer).await?;
    others(writer).await?;
    for exchange in identity::exchanges(writer).await? {
        keep(writer, exchange).await?;
    }
    for arguments in [
        &["user", "list", "--json"][..],
        &["quota", "show", "bucket", "alices", "--json"],
        &["quota", "show", "user", "alice", "--json"],
    ] {
        let command = Command::record(&writer.gateway, arguments).await?;
        writer.fixture.commands.push(command);
    }
    Ok(())
}

/// The lists of a bucket, and each of its versions.
async fn versions(writer: &mut Writer, bucket: &str) -> Result<()> {
    let list = Exchange::new("root", &Method::GET, format!("/{bucket}"));
    keep(writer, list.clone().query("list-type", "2").query("fetch-owner", "true")).await?;
    let listed = keep(writer, list.query("versions", "")).await?.ok()?;
    let names = listed.texts_of("Key").into_iter().zip(listed.texts_of("VersionId")).collect::<Vec<_>>();
    ensure!(!names.is_empty(), "{bucket} holds nothing");
    for (key, version) in names {
        one_version(writer, bucket, &key, &version).await?;
    }
    Ok(())
}

async fn one_version(writer: &mut Writer, bucket: &str, key: &str, version: &str) -> Result<()> {
    let path = format!("/{bucket}/{}", encode_key(key.as_bytes()));
    let client_key = if key.starts_with("sse-c/") { client_key() } else { Vec::new() };
    let headers: Vec<_> = client_key.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let on = |method: Method| Exchange::new("root", &method, &path).query("versionId", version);
    let head = on(Method::HEAD).headers(&headers).headers(&[("x-amz-checksum-mode", "ENABLED")]);
    keep(writer, head).await?;
    let reply = keep(writer, on(Method::GET).headers(&headers)).await?;
    let name = (bucket.to_owned(), key.to_owned(), version.to_owned());
    match writer.contents.get(&name) {
        Some(expected) => ensure!(reply.status == 200 && Expected::of_content(&reply.body) == *expected, "{name:?}"),
        None => ensure!(reply.header("x-amz-delete-marker") == "true", "{name:?} was not written"),
    }
    if reply.status == 200 {
        keep(writer, on(Method::GET).query("tagging", "")).await?;
        if bucket == "locked" {
            keep(writer, on(Method::GET).query("legal-hold", "")).await?;
            keep(writer, on(Method::GET).query("retention", "")).await?;
        }
        if bucket == "lists" {
            keep(writer, on(Method::GET).query("acl", "")).await?;
        }
    }
    Ok(())
}

async fn uploads(writer: &mut Writer) -> Result<()> {
    keep(writer, Exchange::new("root", &Method::GET, "/uploads").query("uploads", "")).await?;
    let id = writer.fixture.open_upload.id.clone();
    keep(writer, Exchange::new("root", &Method::GET, "/uploads/open").query("uploadId", &id)).await?;
    let attributes = [("x-amz-object-attributes", "ETag,Checksum,ObjectParts,StorageClass,ObjectSize")];
    let read = Exchange::new("root", &Method::GET, "/uploads/completed");
    keep(writer, read.clone().query("attributes", "").headers(&attributes)).await?;
    keep(writer, read.query("partNumber", "1")).await.map(drop)
}

/// What others may and may not, ranges, and what has no version's name.
async fn others(writer: &mut Writer) -> Result<()> {
    let read = |user: &str, path: &str| Exchange::new(user, &Method::GET, path);
    for range in ["bytes=0-0", "bytes=1048570-1048590", "bytes=-100"] {
        keep(writer, read("root", "/plain/large").headers(&[("range", range)])).await?;
    }
    let allowed: [(&str, &str, u16); 14] = [
        ("alice", "/", 200),
        ("root", "/", 200),
        ("alice", "/plain/small/c", 200),
        ("alice", "/plain/small/denied", 403),
        ("dora", "/plain/small/c", 403),
        ("bob", "/alices/letter", 200),
        ("bob", "/alices/secret", 403),
        ("bob", "/plain/small/c", 403),
        ("carol", "/alices/letter", 403),
        ("alice", "/lists/readable", 200),
        ("dora", "/lists/public", 200),
        ("dora", "/lists/readable", 403),
        ("root", "/enabled/deleted", 404),
        ("root", "/suspended/returned", 200),
    ];
    for (user, path, status) in allowed {
        let reply = keep(writer, read(user, path)).await?;
        ensure!(reply.status == status, "{user} {path}: {} instead of {status}", reply.status);
    }
    Ok(())
}

async fn keep(writer: &mut Writer, mut exchange: Exchange) -> Result<Reply> {
    let reply = exchange.send(&writer.user(&exchange.user)?).await.with_context(|| exchange.path.clone())?;
    ensure!(reply.status < 500, "{} {:?}: {}", exchange.path, exchange.query, reply.text());
    exchange.record(&reply)?;
    writer.fixture.exchanges.push(exchange);
    Ok(reply)
}
