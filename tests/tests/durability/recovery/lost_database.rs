//! The database is lost, with all that was in it. Backends, configuration and cluster key are enough to have it again.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use harness::{Database, Payload, S3, Settings, TestGateway, on_both, wait_until};
use http::Method;
use serde_json::Value;

on_both!(usual => a_lost_database_is_rebuilt_whole, it_is_rebuilt_without_two_backends);
on_both!(unhurried => what_the_journal_lacks_is_in_the_slivers, a_revoked_key_stays_revoked);
on_both!(retaining => it_can_be_as_it_was_then);

fn usual(database: Database) -> Settings {
    Settings::new(database)
}

/// The journal is written only when something waits for it, and at a good end.
fn unhurried(database: Database) -> Settings {
    // Collection would wait for the journal, and so write it.
    retaining(database).set("journal", "lag_seconds = 3600")
}

/// What was deleted stays on the backends.
fn retaining(database: Database) -> Settings {
    Settings::new(database).set("objects", "grace_seconds = 3600")
}

fn payload(key: &str) -> Payload {
    Payload::new(key, 1, if key.len().is_multiple_of(2) { 3_000 } else { 2_500_000 })
}

async fn put(s3: &S3, bucket: &str, keys: &[&str]) -> Result<()> {
    for key in keys {
        s3.put(bucket, key, payload(key).bytes()).await?.ok()?;
    }
    Ok(())
}

async fn read(s3: &S3, bucket: &str, keys: &[&str]) -> Result<()> {
    for key in keys {
        ensure!(s3.get(bucket, key).await?.ok()?.body == payload(key).bytes(), "{bucket}/{key} came back wrong");
    }
    Ok(())
}

async fn recover(gateway: &TestGateway, more: &[&str]) -> Result<Value> {
    let arguments: Vec<_> = ["recover", "--json"].iter().chain(more).copied().collect();
    let outcome = gateway.haulout(&arguments).run().await?;
    serde_json::from_str(&outcome.stdout).with_context(|| outcome.describe())
}

fn is_whole(report: &Value) -> Result<()> {
    for lacking in
        ["unreachable", "segments_beyond_gap", "unreadable_records", "unknown_tables", "conflicts", "incomplete"]
    {
        ensure!(report[lacking].as_array().is_some_and(Vec::is_empty), "{lacking}: {report}");
    }
    ensure!(report["segments_missing"].is_null(), "{report}");
    Ok(())
}

/// What is asked for: path, and what of it.
const ASKED: [(&str, &str); 9] = [
    ("/", ""),
    ("/plain", "versioning"),
    ("/plain", "policy"),
    ("/plain", "uploads"),
    ("/plain", "list-type"),
    ("/versioned", "versioning"),
    ("/versioned", "versions"),
    ("/versioned", "object-lock"),
    ("/versioned/a", "tagging"),
];

/// Everything that clients can see of a cluster, but its content.
async fn seen(s3: &S3) -> Result<Vec<String>> {
    let mut seen = Vec::new();
    for (path, what) in ASKED {
        let request = s3.request(Method::GET, path);
        let request = match what {
            "" => request,
            "list-type" => request.query(what, "2").query("fetch-owner", "true"),
            _ => request.query(what, ""),
        };
        let text = request.send().await?.ok()?.text();
        seen.push(format!("{path} {what}: {text}"));
    }
    for key in ["small", "large", "in parts", "copied"] {
        let reply = s3.head("plain", key).await?.ok()?;
        let headers: Vec<_> =
            ["etag", "content-length", "last-modified", "content-type", "x-amz-meta-who", "x-amz-storage-class"]
                .iter()
                .map(|name| reply.header(name).to_owned())
                .collect();
        seen.push(format!("{key}: {headers:?}"));
    }
    for action in ["ListUsers", "ListPolicies"] {
        let text = s3.call("iam", action, &[]).await?.ok()?.text();
        seen.push(text.split("<ResponseMetadata>").next().unwrap_or_default().to_owned());
    }
    Ok(seen)
}

/// A bit of everything.
async fn fill(gateway: &TestGateway, s3: &S3) -> Result<S3> {
    s3.create_bucket("plain").await?;
    s3.request(Method::PUT, "/versioned").header("x-amz-bucket-object-lock-enabled", "true").send().await?.ok()?;
    put(s3, "plain", &["small", "large"]).await?;
    let upload = s3.create_upload("plain", "in parts").await?;
    let mut parts = Vec::new();
    for number in 1..=2 {
        let body = Payload::new("in parts", u64::from(number), 5 << 20).bytes();
        parts.push((number, s3.put_part("plain", "in parts", &upload, number, body).await?));
    }
    s3.complete("plain", "in parts", &upload, &parts).await?.ok()?;
    let copy = s3.on(Method::PUT, "plain", "copied").header("x-amz-copy-source", "/plain/large");
    copy.header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-who", "somebody").send().await?.ok()?;
    let open = s3.create_upload("plain", "unfinished").await?;
    s3.put_part("plain", "unfinished", &open, 7, payload("part").bytes()).await?;
    put(s3, "plain", &["gone", "gone too"]).await?;
    for key in ["gone", "gone too"] {
        s3.delete("plain", key).await?.ok()?;
    }
    for round in 0..3 {
        let body = Payload::new("a", round, 40_000).bytes();
        let put = s3.on(Method::PUT, "versioned", "a").header("x-amz-tagging", "colour=blue");
        put.header("x-amz-object-lock-legal-hold", "ON").checked(body).send().await?.ok()?;
    }
    put(s3, "versioned", &["b"]).await?;
    s3.delete("versioned", "b").await?.ok()?;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::plain/small"}]}"#;
    s3.request(Method::PUT, "/plain").query("policy", "").checked(policy).send().await?.ok()?;
    gateway.haulout(&["quota", "set", "bucket", "plain", "--bytes", "900000000"]).ok().await?;
    s3.new_user("reader", r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#).await
}

async fn a_lost_database_is_rebuilt_whole(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    let reader = fill(gateway, &s3).await?;
    gateway.wait_for_journal().await?;
    let before = seen(&s3).await?;
    let quota = gateway.haulout(&["quota", "show", "bucket", "plain", "--json"]).ok().await?;

    gateway.kill();
    gateway.lose_database().await?;
    let planned = recover(gateway, &["--dry-run"]).await?;
    is_whole(&planned)?;
    let report = recover(gateway, &[]).await?;
    is_whole(&report)?;
    ensure!(report["segments"].as_u64() > Some(0) && planned["changes"] == report["changes"], "{planned} {report}");
    let again = gateway.haulout(&["recover"]).fails().await?;
    ensure!(again.contains("is in use already"), "{again}");

    gateway.restart()?;
    let after = seen(&s3).await?;
    for (before, after) in before.iter().zip(&after) {
        ensure!(before == after, "before: {before}\nafter: {after}");
    }
    read(&s3, "plain", &["small", "large"]).await?;
    ensure!(s3.get("plain", "copied").await?.ok()?.body == payload("large").bytes(), "the copy");
    let parts: Vec<_> = (1..=2).flat_map(|number| Payload::new("in parts", number, 5 << 20).bytes().to_vec()).collect();
    ensure!(s3.get("plain", "in parts").await?.ok()?.body == parts, "what was uploaded in parts");
    ensure!(s3.get("versioned", "a").await?.ok()?.body == Payload::new("a", 2, 40_000).bytes(), "the newest version");
    for gone in ["gone", "gone too"] {
        s3.get("plain", gone).await?.refused(404, "NoSuchKey")?;
    }
    reader.get("plain", "large").await?.ok()?;
    reader.put("plain", "forbidden", "no").await?.refused(403, "AccessDenied")?;
    ensure!(gateway.haulout(&["quota", "show", "bucket", "plain", "--json"]).ok().await? == quota, "the quota");

    // Nothing is collected before somebody has looked.
    let said = gateway.haulout(&["collect"]).fails().await?;
    ensure!(said.contains("collection is off"), "{said}");
    put(&s3, "plain", &["later", "even later"]).await?;
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await?;
    read(&s3, "plain", &["small", "large", "later", "even later"]).await?;

    // The journal goes on where it was.
    gateway.wait_for_journal().await?;
    gateway.kill();
    gateway.lose_database().await?;
    is_whole(&recover(gateway, &[]).await?)?;
    gateway.restart()?;
    read(&s3, "plain", &["small", "large", "later", "even later"]).await?;
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await
}

async fn it_is_rebuilt_without_two_backends(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("plain").await?;
    put(&s3, "plain", &["small", "large", "another"]).await?;
    gateway.wait_for_journal().await?;
    gateway.kill();
    gateway.lose_database().await?;
    for lost in [2, 5] {
        gateway.take_away(lost)?;
    }
    let report = recover(gateway, &[]).await?;
    ensure!(report["unreachable"].as_array().map(Vec::len) == Some(2), "{report}");
    gateway.restart()?;
    read(&s3, "plain", &["small", "large", "another"]).await?;
    for back in [2, 5] {
        gateway.bring_back(back)?;
    }
    gateway.restart()?;
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await
}

async fn what_the_journal_lacks_is_in_the_slivers(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("plain").await?;
    s3.create_bucket("versioned").await?;
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    s3.request(Method::PUT, "/versioned").query("versioning", "").checked(enable).send().await?.ok()?;
    put(&s3, "plain", &["early", "changed"]).await?;
    let upload = s3.create_upload("plain", "in parts").await?;
    gateway.restart()?;
    // What the worker writes first, at the start; from there on the journal is not written any more.
    let started = async || Ok(gateway.ops("/metrics")?.1.contains("haulout_journal_waiting_changes").then_some(()));
    wait_until("the journal was looked at", started).await?;
    put(&s3, "plain", &["late", "even later"]).await?;
    s3.put("plain", "changed", Bytes::from_static(b"changed")).await?.ok()?;
    for round in 0..2 {
        s3.put("versioned", "a", Payload::new("a", round, 40_000).bytes()).await?.ok()?;
    }
    let part = s3.put_part("plain", "in parts", &upload, 1, payload("part").bytes()).await?;
    s3.on(Method::PUT, "plain", "with data").header("x-amz-meta-who", "me").body("here").send().await?.ok()?;
    let once = s3.on(Method::PUT, "plain", "once").header("if-none-match", "*").body("first").send().await?.ok()?;
    let again = s3.on(Method::PUT, "plain", "once").header("if-match", once.header("etag")).body("second");
    again.send().await?.ok()?;

    gateway.kill();
    gateway.lose_database().await?;
    let report = recover(gateway, &[]).await?;
    is_whole(&report)?;
    ensure!(report["imported"].as_array().map(Vec::len) == Some(9), "{report}");
    gateway.restart()?;
    read(&s3, "plain", &["early", "late", "even later"]).await?;
    ensure!(s3.get("plain", "changed").await?.ok()?.body == "changed", "the newer one counts");
    ensure!(s3.head("plain", "with data").await?.ok()?.header("x-amz-meta-who") == "me", "its metadata");
    ensure!(s3.get("plain", "once").await?.ok()?.body == "second", "conditions hold in the order of the writes");
    ensure!(s3.get("versioned", "a").await?.ok()?.body == Payload::new("a", 1, 40_000).bytes(), "the newest version");
    let versions =
        s3.request(Method::GET, "/versioned").query("versions", "").send().await?.ok()?.texts_of("VersionId");
    ensure!(versions.len() == 2, "{versions:?}");
    s3.complete("plain", "in parts", &upload, &[(1, part)]).await?.ok()?;
    ensure!(s3.get("plain", "in parts").await?.ok()?.body == payload("part").bytes(), "the part");
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await
}

async fn a_revoked_key_stays_revoked(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("plain").await?;
    put(&s3, "plain", &["kept"]).await?;
    let user = s3.new_user("leaver", r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#).await?;
    read(&user, "plain", &["kept"]).await?;
    s3.set_user_policy("leaver", r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#).await?;
    // At once, although nothing else would be written for an hour.
    gateway.kill();
    gateway.lose_database().await?;
    recover(gateway, &[]).await?;
    gateway.restart()?;
    user.get("plain", "kept").await?.refused(403, "AccessDenied")?;
    read(&s3, "plain", &["kept"]).await?;
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await
}

async fn it_can_be_as_it_was_then(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("plain").await?;
    put(&s3, "plain", &["small", "large"]).await?;
    gateway.wait_for_journal().await?;
    let then = s3.head("plain", "small").await?.ok()?;
    let then = httpdate(then.header("date"))?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    s3.delete("plain", "large").await?.ok()?;
    s3.put("plain", "small", "overwritten by mistake").await?.ok()?;
    gateway.wait_for_journal().await?;
    gateway.kill();
    gateway.lose_database().await?;
    let said = gateway.haulout(&["recover", "--until", "1999-01-01T00:00:00Z"]).fails().await?;
    ensure!(said.contains("no complete snapshot"), "{said}");
    is_whole(&recover(gateway, &["--until", &then]).await?)?;
    gateway.restart()?;
    read(&s3, "plain", &["small", "large"]).await?;
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await?;
    read(&s3, "plain", &["small", "large"]).await
}

/// A date of HTTP as RFC 3339, a second later.
fn httpdate(date: &str) -> Result<String> {
    use time::format_description::well_known::{Rfc2822, Rfc3339};
    let date = time::OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822)?;
    Ok((date + time::Duration::seconds(1)).format(&Rfc3339)?)
}
