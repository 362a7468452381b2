//! Objects of every kind, as many as wanted, and then the database is lost: each comes back with its bytes, its headers, its tags and its
//! versions, what was deleted stays deleted, and the meters are what they were. Once more with two backends gone as well.
//!
//! By hand: `HAULOUT_RECOVERED=10000 tests/run recovered_objects`.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use harness::{Database, Exchange, Payload, S3, Settings, TestGateway, number_from_environment, on_both};
use http::Method;
use serde_json::Value;

on_both!(with_keys => objects_of_every_kind_are_recovered);

/// Requests at once.
const AT_ONCE: usize = 16;

const PLAIN: &str = "plain";
const VERSIONED: &str = "versioned";

/// A customer's key and its MD5.
const CUSTOMER: [(&str, &str); 3] = [
    ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
    ("x-amz-server-side-encryption-customer-key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ("x-amz-server-side-encryption-customer-key-md5", "hRasmdxgYDKV3nvbahU1MA=="),
];

/// How an object came to be what it is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Small,
    Large,
    Overwritten,
    Versions,
    Marker,
    Parts,
    Copy,
    Append,
    Renamed,
    Customer,
    KeyService,
    Deleted,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Small,
        Self::Large,
        Self::Overwritten,
        Self::Versions,
        Self::Marker,
        Self::Parts,
        Self::Copy,
        Self::Append,
        Self::Renamed,
        Self::Customer,
        Self::KeyService,
        Self::Deleted,
    ];
}

fn with_keys(database: Database) -> Settings {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/release-0.1/sqlite/kms-keys.toml");
    Settings::new(database).set("kms", &format!("file = {keys:?}"))
}

fn content(key: &str, version: u64) -> Bytes {
    let spread = Payload::new(key, version, 2).bytes();
    Payload::new(key, version, 1 + u64::from(u16::from_le_bytes([spread[0], spread[1]]))).bytes()
}

async fn put(s3: &S3, bucket: &str, key: &str, version: u64, headers: &[(&str, &str)]) -> Result<String> {
    let put = s3.on(Method::PUT, bucket, key).checked(content(key, version));
    let reply = headers.iter().fold(put, |put, (name, value)| put.header(name, *value)).send().await?.ok()?;
    Ok(reply.header("x-amz-version-id").to_owned())
}

/// A question of which the answer must not change.
fn ask(method: &Method, bucket: &str, key: &str) -> Exchange {
    Exchange::new("root", method, format!("/{bucket}/{key}"))
}

/// Makes an object, and says what is to be asked of it.
async fn write(s3: &S3, kind: Kind, key: &str) -> Result<Vec<Exchange>> {
    let get = ask(&Method::GET, PLAIN, key);
    let mut asked = vec![ask(&Method::HEAD, PLAIN, key), get.clone()];
    match kind {
        Kind::Small => {
            let headers = [("x-amz-meta-who", "ann"), ("content-type", "text/plain"), ("x-amz-tagging", "colour=blue")];
            put(s3, PLAIN, key, 0, &headers).await?;
            asked.push(get.query("tagging", ""));
        }
        Kind::Large => drop(s3.put(PLAIN, key, Payload::new(key, 0, 2_500_000).bytes()).await?.ok()?),
        Kind::Overwritten => {
            put(s3, PLAIN, key, 0, &[("x-amz-meta-who", "ann")]).await?;
            put(s3, PLAIN, key, 1, &[("x-amz-checksum-algorithm", "SHA256"), ("cache-control", "no-cache")]).await?;
        }
        Kind::Versions => {
            asked = vec![ask(&Method::GET, VERSIONED, key)];
            for version in 0..3 {
                let id = put(s3, VERSIONED, key, version, &[("x-amz-object-lock-legal-hold", "ON")]).await?;
                asked.push(ask(&Method::GET, VERSIONED, key).query("versionId", &id));
            }
        }
        Kind::Marker => {
            let id = put(s3, VERSIONED, key, 0, &[]).await?;
            s3.delete(VERSIONED, key).await?.ok()?;
            asked = vec![ask(&Method::GET, VERSIONED, key), ask(&Method::GET, VERSIONED, key).query("versionId", &id)];
        }
        Kind::Parts => {
            let upload = s3.create_upload(PLAIN, key).await?;
            let part = s3.put_part(PLAIN, key, &upload, 7, content(key, 0)).await?;
            s3.complete(PLAIN, key, &upload, &[(7, part)]).await?.ok()?;
            asked.push(get.query("partNumber", "1"));
        }
        Kind::Copy => {
            let source = format!("{key}-source");
            put(s3, VERSIONED, &source, 0, &[("x-amz-meta-who", "ann")]).await?;
            let copy = s3.on(Method::PUT, PLAIN, key).header("x-amz-copy-source", format!("/{VERSIONED}/{source}"));
            copy.send().await?.ok()?;
            s3.delete(VERSIONED, &source).await?.ok()?;
        }
        Kind::Append => {
            let mut len = 0;
            for version in 0..3 {
                put(s3, PLAIN, key, version, &[("x-amz-write-offset-bytes", &len.to_string())]).await?;
                len += content(key, version).len();
            }
        }
        Kind::Renamed => {
            let source = format!("{key}-source");
            put(s3, PLAIN, &source, 0, &[("x-amz-meta-who", "ann")]).await?;
            let rename = s3.on(Method::PUT, PLAIN, key).query("renameObject", "");
            rename.header("x-amz-rename-source", &source).send().await?.ok()?;
            asked.push(ask(&Method::GET, PLAIN, &source));
        }
        Kind::Customer => {
            put(s3, PLAIN, key, 0, &CUSTOMER).await?;
            asked = vec![get.clone().headers(&CUSTOMER), get];
        }
        Kind::KeyService => {
            put(s3, PLAIN, key, 0, &[("x-amz-server-side-encryption", "aws:kms")]).await?;
        }
        Kind::Deleted => {
            put(s3, PLAIN, key, 0, &[]).await?;
            s3.delete(PLAIN, key).await?.ok()?;
        }
    }
    Ok(asked)
}

/// Makes so many objects, each kind in turn, and keeps what is answered about them.
async fn write_all(s3: &S3, objects: u64) -> Result<Vec<Exchange>> {
    let kinds = Kind::ALL.into_iter().cycle().zip(0..objects);
    let written = futures::stream::iter(kinds).map(async |(kind, number)| {
        let key = format!("{number:06}");
        write(s3, kind, &key).await.with_context(|| format!("{kind:?} {key}"))
    });
    let asked: Vec<Vec<Exchange>> = written.buffer_unordered(AT_ONCE).try_collect().await?;
    let mut asked = asked.concat();
    for bucket in [PLAIN, VERSIONED] {
        let list = Exchange::new("root", &Method::GET, format!("/{bucket}"));
        asked.extend([list.clone().query("list-type", "2"), list.query("versions", "")]);
    }
    let recorded = futures::stream::iter(asked).map(async |mut exchange| {
        exchange.record(&exchange.send(s3).await?)?;
        anyhow::Ok(exchange)
    });
    recorded.buffer_unordered(AT_ONCE).try_collect().await
}

async fn same_answers(s3: &S3, asked: &[Exchange]) -> Result<()> {
    let repeated = futures::stream::iter(asked).map(|exchange| exchange.repeat(s3));
    repeated.buffer_unordered(AT_ONCE).try_collect().await
}

/// Encoded bytes and keys of each bucket.
async fn counted(gateway: &TestGateway) -> Result<Vec<(Value, Vec<String>)>> {
    let mut counted = Vec::new();
    for bucket in [PLAIN, VERSIONED] {
        let usage: Value = serde_json::from_str(&gateway.haulout(&["usage", bucket, "--json"]).ok().await?)?;
        counted.push((usage[0]["encoded_bytes"].clone(), gateway.root().list(bucket, &[]).await?.0));
    }
    Ok(counted)
}

/// Loses the database and has it again; says how long that takes.
async fn lose_and_recover(gateway: &mut TestGateway, objects: u64, gone: &[usize]) -> Result<()> {
    gateway.kill();
    gateway.lose_database().await?;
    for backend in gone {
        gateway.take_away(*backend)?;
    }
    let began = Instant::now();
    let outcome = gateway.haulout(&["recover", "--json"]).run().await?;
    let report: Value = serde_json::from_str(&outcome.stdout).with_context(|| outcome.describe())?;
    eprintln!("{objects} objects, {} backends gone: recovered in {:.1?}", gone.len(), began.elapsed());
    for lacking in ["segments_beyond_gap", "unreadable_records", "unknown_tables", "conflicts", "incomplete"] {
        ensure!(report[lacking].as_array().is_some_and(Vec::is_empty), "{lacking}: {report}");
    }
    ensure!(report["unreachable"].as_array().map(Vec::len) == Some(gone.len()), "{report}");
    gateway.restart()
}

async fn objects_of_every_kind_are_recovered(gateway: &mut TestGateway) -> Result<()> {
    let (s3, objects) = (gateway.root(), number_from_environment("HAULOUT_RECOVERED", 120));
    s3.create_bucket(PLAIN).await?;
    let versioned = format!("/{VERSIONED}");
    s3.request(Method::PUT, versioned).header("x-amz-bucket-object-lock-enabled", "true").send().await?.ok()?;
    let asked = write_all(&s3, objects).await?;
    gateway.wait_for_journal().await?;
    let before = counted(gateway).await?;

    lose_and_recover(gateway, objects, &[]).await?;
    same_answers(&s3, &asked).await?;
    ensure!(counted(gateway).await? == before, "meters and keys are as they were: {before:?}");
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await?;

    // Quilts in which much was deleted have become others.
    gateway.wait_for_journal().await?;
    let before = counted(gateway).await?;
    lose_and_recover(gateway, objects, &[2, 5]).await?;
    same_answers(&s3, &asked).await?;
    ensure!(counted(gateway).await? == before, "meters and keys are as they were: {before:?}");
    for back in [2, 5] {
        gateway.bring_back(back)?;
    }
    gateway.restart()?;
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await?;
    same_answers(&s3, &asked).await
}
