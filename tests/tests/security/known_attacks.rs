//! Attacks that worked on other servers of S3, as they were made known, and the headers that must not be slipped in. Each is
//! refused, nothing becomes visible, and no secret comes back.

use anyhow::{Result, ensure};
use harness::{S3, Scheme, TestGateway, on_sqlite, send_raw};
use http::Method;

on_sqlite!(
    headers_added_after_signing_are_refused,
    nothing_tells_the_secrets,
    streams_without_a_proof_are_refused,
    the_length_of_a_stream_is_believed_of_streams_alone,
    copies_ask_for_their_source,
    paths_do_not_climb,
    words_of_others_are_only_words,
    rights_are_not_taken_by_detours,
    a_request_has_one_target,
    what_is_said_twice_is_refused,
);

/// Every `x-amz-*` header of requests in Amazon's model, some of before and some of others.
const AMAZON_HEADERS: &str = "\
    acl bucket-object-lock-enabled bucket-object-lock-token bucket-region bypass-governance-retention checksum-algorithm \
    checksum-crc32 checksum-crc32c checksum-crc64nvme checksum-mode checksum-sha1 checksum-sha256 checksum-type \
    confirm-remove-self-bucket-access copy-source copy-source-if-match copy-source-if-modified-since \
    copy-source-if-none-match copy-source-if-unmodified-since copy-source-range \
    copy-source-server-side-encryption-customer-algorithm copy-source-server-side-encryption-customer-key \
    copy-source-server-side-encryption-customer-key-md5 create-session-mode decoded-content-length \
    expected-bucket-owner grant-full-control grant-read grant-read-acp grant-write grant-write-acp \
    if-match-initiated-time if-match-last-modified-time if-match-size meta-colour metadata-directive mfa \
    mp-object-size object-attributes object-lock-legal-hold object-lock-mode object-lock-retain-until-date \
    object-ownership object-size optional-object-attributes part-number-marker rename-source \
    rename-source-if-match request-payer sdk-checksum-algorithm security-token server-side-encryption \
    server-side-encryption-aws-kms-key-id server-side-encryption-bucket-key-enabled server-side-encryption-context \
    server-side-encryption-customer-algorithm server-side-encryption-customer-key \
    server-side-encryption-customer-key-md5 skip-destination-validation source-expected-bucket-owner storage-class tagging \
    tagging-directive trailer transition-default-minimum-object-size website-redirect-location \
    write-offset-bytes meta-snowball-auto-extract fwd-status te whatever-comes-next";

async fn add(gateway: &TestGateway, name: &str) -> Result<S3> {
    let secret = format!("the-secret-of-{name}-0123456789");
    let key = format!("KEY{name}");
    gateway.haulout(&["user", "add", name, "--access-key", &key, "--secret-key", &secret]).ok().await?;
    Ok(gateway.user(&key, &secret))
}

/// A signed head, with lines slipped in, and a body.
async fn slip_in(gateway: &TestGateway, head: &str, lines: &str, body: &str) -> Result<harness::RawReply> {
    let head = head.strip_suffix("\r\n\r\n").unwrap_or(head);
    send_raw(gateway.address(), format!("{head}\r\n{lines}connection: close\r\n\r\n{body}").as_bytes()).await
}

async fn headers_added_after_signing_are_refused(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("photos").await?;
    s3.put("photos", "secret", "a secret").await?.ok()?;
    for name in AMAZON_HEADERS.split_whitespace() {
        for method in [Method::PUT, Method::GET] {
            let head = s3.on(method.clone(), "photos", "harmless").body("x").head_text()?;
            let value = if name == "copy-source" { "/photos/secret" } else { "1" };
            let reply = slip_in(gateway, &head, &format!("x-amz-{name}: {value}\r\n"), "x").await?;
            ensure!(reply.status() == Some(403), "{method} x-amz-{name}: {:?} {}", reply.status(), reply.text);
            ensure!(reply.text.contains("AccessDenied"), "{method} x-amz-{name}: {}", reply.text);
        }
    }
    ensure!(s3.list("photos", &[]).await?.0 == ["secret"], "nothing was written");
    gateway.clients(Scheme::Http).python("boto3_slipped_headers.py").ok().await?;
    Ok(())
}

/// CVE-2023-28432 and the like: a page that discloses the environment, a profile, the configuration.
async fn nothing_tells_the_secrets(gateway: &mut TestGateway) -> Result<()> {
    let (key, secret) = gateway.root_keys();
    for path in [
        "/minio/bootstrap/v1/verify",
        "/minio/health/cluster",
        "/minio/admin/v3/info",
        "/minio/v2/metrics/cluster",
        "/rustfs/rpc/",
        "/rustfs/admin/v3/info",
        "/profile/cpu",
        "/profile/memory",
        "/debug/pprof/",
        "/debug/vars",
        "/metrics",
        "/admin/user",
        "/.env",
        "/env",
        "/swift/v1",
        "/?Action=ListUsers&Version=2010-05-08",
        "/?profile",
    ] {
        for method in ["GET", "POST", "PUT"] {
            let text = format!("{method} {path} HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let reply = send_raw(gateway.address(), text.as_bytes()).await?;
            ensure!(reply.status().is_some_and(|status| status >= 400), "{method} {path}: {}", reply.text);
            ensure!(!reply.text.contains(key) && !reply.text.contains(secret), "{method} {path} tells: {}", reply.text);
        }
    }
    Ok(())
}

/// CVE-2025-31489, CVE-2026-40344, CVE-2026-41145, CVE-2021-21390: a body in chunks for which nothing vouches.
async fn streams_without_a_proof_are_refused(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("photos").await?;
    let (key, _) = gateway.root_keys();
    let body = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    let stream = "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nx-amz-decoded-content-length: 5\r\n\
                  x-amz-trailer: x-amz-checksum-crc32\r\n";
    let length = format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let now = s3.on(Method::PUT, "photos", "k").head_text()?;
    let date = now.lines().find_map(|line| line.strip_prefix("x-amz-date: ")).unwrap_or_default().to_owned();
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{key}/{day}/us-east-1/s3/aws4_request");
    let forged = "0".repeat(64);
    let names = "host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-meta-snowball-auto-extract;x-amz-trailer";
    let authorization =
        format!("authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={forged}\r\n");
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={date}&X-Amz-Expires=60&\
         X-Amz-SignedHeaders=host&X-Amz-Signature={forged}",
        scope.replace('/', "%2F")
    );
    let only_key = format!("X-Amz-Credential={}", scope.replace('/', "%2F"));
    for (name, target, lines) in [
        ("a forged signature", "/photos/k".to_owned(), format!("x-amz-date: {date}\r\n{authorization}")),
        (
            "an archive to be unpacked",
            "/photos/k".to_owned(),
            format!("x-amz-date: {date}\r\nx-amz-meta-snowball-auto-extract: true\r\n{authorization}"),
        ),
        ("a forged signature in the query", format!("/photos/k?{query}"), String::new()),
        ("a key in the query and no signature", format!("/photos/k?{only_key}"), String::new()),
        ("nobody", "/photos/k".to_owned(), String::new()),
        ("no date", "/photos/k".to_owned(), authorization.clone()),
    ] {
        let text = format!("PUT {target} HTTP/1.1\r\nhost: h\r\n{stream}{lines}{length}");
        let reply = send_raw(gateway.address(), text.as_bytes()).await?;
        ensure!(matches!(reply.status(), Some(400 | 403)), "{name}: {:?} {}", reply.status(), reply.text);
        ensure!(s3.list("photos", &[]).await?.0.is_empty(), "{name}: something was written");
    }
    // The head is honest, the chunk's own signature is not: nothing of it is believed.
    let chunk = format!("5;chunk-signature={forged}\r\nhello\r\n0;chunk-signature={forged}\r\n\r\n");
    let put = s3.on(Method::PUT, "photos", "k").header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    let reply = put.header("x-amz-decoded-content-length", "5").body(chunk).send().await?;
    reply.refused(403, "SignatureDoesNotMatch")?;
    ensure!(s3.list("photos", &[]).await?.0.is_empty(), "something was written");
    Ok(())
}

/// A client signs that its content has five bytes. In chunks it may then not have eleven, whatever another header says.
async fn the_length_of_a_stream_is_believed_of_streams_alone(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("photos").await?;
    for (signed, status) in [(&[("content-length", "5")][..], 403), (&[], 200)] {
        let request = s3.on(Method::PUT, "photos", "k").header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        let request = request.header("x-amz-decoded-content-length", "5");
        let head = signed.iter().fold(request, |request, (name, value)| request.header(name, *value)).head_text()?;
        let lines = head.trim_end().lines().filter(|line| !line.starts_with("content-length"));
        let head = lines.collect::<Vec<_>>().join("\r\n");
        let text =
            format!("{head}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nb\r\nhello world\r\n0\r\n\r\n");
        let reply = send_raw(gateway.address(), text.as_bytes()).await?;
        ensure!(reply.status() == Some(status), "{signed:?}: {}", reply.text);
    }
    ensure!(s3.get("photos", "k").await?.ok()?.body == "hello world", "it is a body like any other");
    Ok(())
}

/// CVE-2026-39360 and others: a copy reads its source with the rights of whoever asks, however it is asked for.
async fn copies_ask_for_their_source(gateway: &mut TestGateway) -> Result<()> {
    let (alice, mallory) = (add(gateway, "alice").await?, add(gateway, "mallory").await?);
    alice.create_bucket("hers").await?;
    alice.put("hers", "letter", "to nobody").await?.ok()?;
    mallory.create_bucket("his").await?;
    let upload = mallory.create_upload("his", "loot").await?;
    for source in ["/hers/letter", "hers/letter", "hers%2Fletter", "/hers/letter?versionId=null", "his/../hers/letter"]
    {
        let copy = mallory.on(Method::PUT, "his", "loot").header("x-amz-copy-source", source);
        let copied = copy.send().await?;
        ensure!(matches!(copied.status, 403 | 404), "CopyObject {source}: {} {}", copied.status, copied.text());
        let part = mallory.on(Method::PUT, "his", "loot").query("partNumber", "1").query("uploadId", &upload);
        let copied = part.header("x-amz-copy-source", source).send().await?;
        ensure!(matches!(copied.status, 403 | 404), "UploadPartCopy {source}: {} {}", copied.status, copied.text());
    }
    let part = mallory.on(Method::PUT, "hers", "letter").query("partNumber", "1").query("uploadId", &upload);
    part.body("x").send().await?.refused(403, "AccessDenied")?;
    mallory.on(Method::DELETE, "his", "loot").query("uploadId", &upload).send().await?.ok()?;
    ensure!(mallory.list("his", &[]).await?.0.is_empty(), "nothing was taken");
    Ok(())
}

/// CVE-2026-54917, CVE-2026-55874: dots in paths and sources are letters of keys.
async fn paths_do_not_climb(gateway: &mut TestGateway) -> Result<()> {
    let (alice, mallory) = (add(gateway, "alice").await?, add(gateway, "mallory").await?);
    alice.create_bucket("hers").await?;
    alice.put("hers", "letter", "to nobody").await?.ok()?;
    mallory.create_bucket("his").await?;
    for path in ["/his/../hers/letter", "/his/%2e%2e/hers/letter", "/his/..%2fhers%2fletter", "/his/./../hers/letter"] {
        let head = mallory.request(Method::GET, path).head_text()?;
        let reply = slip_in(gateway, &head, "", "").await?;
        ensure!(reply.status().is_some_and(|status| status >= 400), "{path}: {}", reply.text);
        ensure!(!reply.text.contains("to nobody"), "{path}: {}", reply.text);
    }
    mallory.put("his", "../hers/letter", "forged").await?.ok()?;
    ensure!(mallory.list("his", &[]).await?.0 == ["../hers/letter"], "a key like any other");
    ensure!(alice.get("hers", "letter").await?.ok()?.text() == "to nobody", "nothing changed");
    Ok(())
}

/// GHSA-3rh2-v3gr-35p9 and CVE-2026-21862: headers that servers use among themselves have no effect in a client's request; and
/// text is never SQL (CVE-2024-40120).
async fn words_of_others_are_only_words(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("photos").await?;
    let head = s3.on(Method::PUT, "photos", "k").body("hello").head_text()?;
    let lines = "X-Minio-Replication-Server-Side-Encryption-Sealed-Key: x\r\nX-Minio-Internal-Server-Side-Encryption-Iv: x\r\n\
                 X-Rustfs-Internal-Compress: 1\r\nX-Haulout-Internal: 1\r\nX-Forwarded-For: 127.0.0.1\r\n";
    let reply = slip_in(gateway, &head, lines, "hello").await?;
    ensure!(reply.status() == Some(200), "{}", reply.text);
    let got = s3.get("photos", "k").await?.ok()?;
    ensure!(got.text() == "hello", "it stays readable");
    for text in ["' OR '1'='1", "'; DROP TABLE version; --", "%", "_", "\\", "\u{1}", "${jndi:ldap://x}"] {
        let reply =
            s3.request(Method::GET, "/photos").query("list-type", "2").query("prefix", text).send().await?.ok()?;
        ensure!(!reply.text().contains("<Key>k</Key>"), "{text:?} found something: {}", reply.text());
        let reply = s3.request(Method::GET, "/").query("prefix", text).send().await?;
        ensure!(reply.status < 500 && !reply.text().contains("<Name>photos</Name>"), "{text:?}: {}", reply.text());
        let other_user = gateway.user(&text.replace(|letter: char| !letter.is_ascii_graphic(), "-"), "a secret");
        let reply = other_user.request(Method::GET, "/photos").send().await?;
        ensure!(matches!(reply.status, 400 | 403), "{text:?}: {} {}", reply.status, reply.text());
    }
    ensure!(s3.get("photos", "k").await?.ok()?.text() == "hello");
    Ok(())
}

async fn rights_are_not_taken_by_detours(gateway: &mut TestGateway) -> Result<()> {
    gateway.clients(Scheme::Http).python("boto3_detours.py").ok().await?;
    Ok(())
}

/// A host in the target and another in the header: whichever of them a signature covers, the other must not route.
async fn a_request_has_one_target(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("photos").await?;
    s3.put("photos", "k", "a secret").await?.ok()?;
    let head = s3.on(Method::GET, "photos", "k").head_text()?;
    let address = gateway.address().to_string();
    for (authority, fine) in [(address.as_str(), true), ("photos.s3.example.com", false), ("user@h", false)] {
        let absolute = head.replacen("GET /", &format!("GET http://{authority}/"), 1);
        let reply = slip_in(gateway, &absolute, "", "").await?;
        ensure!(reply.status() == Some(if fine { 200 } else { 400 }), "{authority}: {}", reply.text);
        ensure!(fine || !reply.text.contains("a secret"), "{authority}: {}", reply.text);
    }
    let two = slip_in(gateway, &head, "host: photos.s3.example.com\r\n", "").await?;
    ensure!(two.status() == Some(400), "{}", two.text);
    Ok(())
}

/// Of two values one reader takes the first and another the last, or both.
async fn what_is_said_twice_is_refused(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("photos").await?;
    for name in
        ["x-amz-acl", "x-amz-tagging", "x-amz-storage-class", "x-amz-copy-source", "if-none-match", "content-type"]
    {
        let put = s3.on(Method::PUT, "photos", "k").header(name, "a").header(name, "b").body("x").send().await?;
        put.refused(400, "InvalidArgument")?;
    }
    for name in ["versionId", "partNumber", "response-content-type"] {
        let get = s3.on(Method::GET, "photos", "k").query(name, "1").query(name, "2").send().await?;
        get.refused(400, "InvalidArgument")?;
    }
    let list = s3.request(Method::GET, "/photos").query("prefix", "a").query("prefix", "b").send().await?;
    list.refused(400, "InvalidArgument")?;
    ensure!(s3.list("photos", &[]).await?.0.is_empty(), "nothing was written");
    s3.on(Method::GET, "photos", "k").query("any", "1").query("any", "2").send().await?.refused(404, "NoSuchKey")?;
    Ok(())
}
