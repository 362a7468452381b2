//! What no honest client sends: a clear refusal, nothing visible, and a gateway that stays alive.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::{digest, hmac};
use harness::{Database, Scheme, Settings, TestGateway, on_sqlite, send_raw, send_raw_and_hang_up};
use http::Method;

on_sqlite!(
    garbage_is_refused,
    bodies_that_lie_are_refused,
    content_of_zero_bytes_comes_in_every_framing,
    odd_keys_are_just_keys,
    xml_bombs_do_not_go_off,
);
on_sqlite!(with_tls => who_is_refused_while_sending_hears_why);

fn with_tls(database: Database) -> Settings {
    Settings::new(database).with_tls()
}

const CLOSE: &str = "connection: close\r\n\r\n";

async fn garbage_is_refused(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("bad").await?;
    let long = "x".repeat(300_000);
    let table: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello".to_vec(), &[400]),
        ("a line that is no request", b"DELETE EVERYTHING\r\n\r\n".to_vec(), &[400]),
        ("no host", format!("GET / HTTP/1.1\r\n{CLOSE}").into(), &[400]),
        ("two hosts", format!("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n{CLOSE}").into(), &[400]),
        ("a header without end", format!("GET / HTTP/1.1\r\nhost: h\r\nx: {long}\r\n{CLOSE}").into(), &[400, 431]),
        ("a path without end", format!("GET /{long} HTTP/1.1\r\nhost: h\r\n{CLOSE}").into(), &[400, 414, 431]),
        (
            "a length and chunks",
            format!("PUT /bad/k HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n{CLOSE}3\r\nabc\r\n0\r\n\r\n")
                .into(),
            &[400, 403],
        ),
        (
            "two lengths",
            format!("PUT /bad/k HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ncontent-length: 4\r\n{CLOSE}abcd").into(),
            &[400],
        ),
        ("a negative length", format!("PUT /bad/k HTTP/1.1\r\nhost: h\r\ncontent-length: -3\r\n{CLOSE}").into(), &[400]),
        ("an escape that is none", format!("GET /bad/%zz HTTP/1.1\r\nhost: h\r\n{CLOSE}").into(), &[400, 403]),
        ("a key that is no UTF-8", format!("GET /bad/%ff%fe HTTP/1.1\r\nhost: h\r\n{CLOSE}").into(), &[400, 403]),
        (
            "half an Authorization",
            format!("GET /bad HTTP/1.1\r\nhost: h\r\nauthorization: AWS4-HMAC-SHA256 Credential=\r\n{CLOSE}").into(),
            &[400, 403],
        ),
        (
            "a signature of another kind",
            format!("GET /bad HTTP/1.1\r\nhost: h\r\nauthorization: Bearer token\r\n{CLOSE}").into(),
            &[400, 403],
        ),
        (
            "signed twice",
            format!(
                "GET /bad?X-Amz-Signature=00&X-Amz-Algorithm=AWS4-HMAC-SHA256 HTTP/1.1\r\nhost: h\r\nauthorization: AWS4-HMAC-SHA256 \
                 Credential=a/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00\r\n{CLOSE}"
            )
            .into(),
            &[400, 403],
        ),
    ];
    for (name, bytes, statuses) in table {
        let reply = send_raw(gateway.address(), &bytes).await?;
        let right = reply.status().is_some_and(|status| statuses.contains(&status));
        // Saying nothing and hanging up is an answer, too, to what is no HTTP.
        ensure!(right || (reply.closed && reply.text.is_empty()), "{name}: {:?} {}", reply.status(), reply.text);
        ensure!(s3.list("bad", &[]).await?.0.is_empty(), "{name}: something became visible");
    }
    Ok(())
}

async fn bodies_that_lie_are_refused(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("bad").await?;
    let put = |key: &str| s3.on(Method::PUT, "bad", key);

    // A body that ends before its length: the head is honest and signed.
    let head = put("short").header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").body(vec![b'x'; 1000]).head_text()?;
    let reply = send_raw_and_hang_up(gateway.address(), &[head.as_bytes(), &[b'x'; 400]].concat()).await?;
    ensure!(reply.status().is_none_or(|status| status >= 400), "{}", reply.text);

    let other = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let reply = put("hash").header("x-amz-content-sha256", other).body("not empty").send().await?;
    reply.refused(400, "XAmzContentSHA256Mismatch")?;

    let framed = |body: &'static str, decoded: &'static str| {
        put("framed")
            .header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
            .header("x-amz-decoded-content-length", decoded)
            .header("x-amz-trailer", "x-amz-checksum-crc32")
            .header("content-encoding", "aws-chunked")
            .body(body)
    };
    // The CRC-32 of "123456789" is the check value of every catalogue: cb f4 39 26.
    let table = [
        ("a wrong checksum", "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "9"),
        ("no trailer", "9\r\n123456789\r\n0\r\n\r\n", "9"),
        ("a length that lies", "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", "10"),
        ("a chunk that lies", "a\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", "9"),
        ("a size that is none", "nine\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", "9"),
        ("a size beyond everything", "ffffffffffffffff\r\n123456789\r\n0\r\n\r\n", "9"),
        ("no last chunk", "9\r\n123456789\r\n", "9"),
        ("more after the end", "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n9\r\n123456789\r\n", "9"),
    ];
    for (name, body, decoded) in table {
        let reply = framed(body, decoded).send().await?;
        ensure!(reply.status == 400, "{name}: {} {}", reply.status, reply.text());
        ensure!(s3.list("bad", &[]).await?.0.is_empty(), "{name}: something became visible");
    }
    framed("9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", "9").send().await?.ok()?;
    ensure!(s3.get("bad", "framed").await?.text() == "123456789", "and the honest one is stored without its frame");
    Ok(())
}

/// An empty object, part and append, in each way in which S3 lets a body come.
async fn content_of_zero_bytes_comes_in_every_framing(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("empty").await?;
    let of_nothing = hex::encode(digest::digest(&digest::SHA256, b""));
    // The CRC-32 of nothing is 0.
    let (announced, trailer) = ("x-amz-checksum-crc32", "x-amz-checksum-crc32:AAAAAA==");
    let signature = "0".repeat(64);
    let signed = format!("0;chunk-signature={signature}\r\n\r\n");
    let signed_trailer =
        format!("0;chunk-signature={signature}\r\n{trailer}\r\nx-amz-trailer-signature:{signature}\r\n\r\n");
    let framings = [
        (of_nothing.as_str(), "", String::new()),
        ("UNSIGNED-PAYLOAD", "", String::new()),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", announced, format!("0\r\n{trailer}\r\n\r\n")),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", signed),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", announced, signed_trailer),
    ];
    for (kind, announced, body) in framings {
        let upload = s3.create_upload("empty", "parts").await?;
        let put = |key| s3.on(Method::PUT, "empty", key);
        let requests = [
            ("put", put("put")),
            ("part", put("parts").query("partNumber", "1").query("uploadId", &upload)),
            ("append", put("log").header("x-amz-write-offset-bytes", "0")),
        ];
        for (name, mut request) in requests {
            request = request.header("x-amz-content-sha256", kind).body(body.clone());
            if kind.starts_with("STREAMING") {
                request = request.header("x-amz-decoded-content-length", "0").header("content-encoding", "aws-chunked");
            }
            if !announced.is_empty() {
                request = request.header("x-amz-trailer", announced);
            }
            let head = request.head_text()?.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            let text = format!("{head}{}", sign_chunks(gateway.root_keys().1, &head, &body, trailer)?);
            let reply = send_raw(gateway.address(), text.as_bytes()).await?;
            ensure!(reply.status() == Some(200), "{name}, {kind}: {}", reply.text);
            ensure!(reply.text.contains("d41d8cd98f00b204e9800998ecf8427e"), "{name}, {kind}: {}", reply.text);
        }
        for key in ["put", "log"] {
            ensure!(s3.get("empty", key).await?.ok()?.body.is_empty(), "{key}, {kind}");
            s3.delete("empty", key).await?;
        }
    }
    Ok(())
}

/// The body with its signatures: of its last chunk, and of its trailer where there is one.
fn sign_chunks(secret: &str, head: &str, body: &str, trailer: &str) -> Result<String> {
    let field = |name: &str, end: &str| {
        let rest = head.split_once(name).with_context(|| name.to_owned())?.1;
        anyhow::Ok(rest.split(end).next().unwrap_or_default().to_owned())
    };
    let instant = field("x-amz-date: ", "\r\n")?;
    let scope = field("Credential=", ",")?.split_once('/').context("a scope")?.1.to_owned();
    let mac =
        |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let secret = format!("AWS4{secret}").into_bytes();
    let key = scope.split('/').fold(secret, |key, part| mac(&key, part));
    let sha256 = |text: &str| hex::encode(digest::digest(&digest::SHA256, text.as_bytes()));
    let mut previous = field("Signature=", "\r\n")?;
    let mut signed = body.to_owned();
    let hashes = format!("{}\n{}", sha256(""), sha256(""));
    for (kind, name, hashes) in
        [("PAYLOAD", "chunk-signature=", hashes), ("TRAILER", "trailer-signature:", sha256(&format!("{trailer}\n")))]
    {
        if let Some((before, after)) = signed.split_once(name) {
            previous =
                hex::encode(mac(&key, &format!("AWS4-HMAC-SHA256-{kind}\n{instant}\n{scope}\n{previous}\n{hashes}")));
            signed = format!("{before}{name}{previous}{}", &after[previous.len()..]);
        }
    }
    Ok(signed)
}

async fn odd_keys_are_just_keys(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("odd").await?;
    let long = "k".repeat(1024);
    let keys =
        ["..", "../../etc/passwd", "a//b", "/leading", "trailing/", ".", "%2e%2e", "a\\b", "+", "\u{1}\u{7f}", &long];
    for key in keys {
        s3.put("odd", key, format!("this is {key}")).await?.ok()?;
    }
    for key in keys {
        ensure!(s3.get("odd", key).await?.ok()?.text() == format!("this is {key}"), "{key:?}");
    }
    let mut expected = keys.map(str::to_owned).to_vec();
    expected.sort();
    ensure!(s3.list("odd", &[]).await?.0 == expected);
    s3.put("odd", &"k".repeat(1025), "x").await?.refused(400, "KeyTooLongError")
}

async fn xml_bombs_do_not_go_off(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("bad").await?;
    s3.put("bad", "stays", "here").await?.ok()?;
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]><Delete><Object><Key>&c;</Key></Object></Delete>";
    let outside =
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><Delete><Object><Key>&b;</Key></Object></Delete>";
    let nested = "<a>".repeat(100_000);
    let many = format!("<Delete>{}</Delete>", "<Object><Key>stays</Key></Object>".repeat(1001));
    for body in [bomb, outside, &nested, &many, "", "not XML", "<Delete>"] {
        let digest = md5_base64(body.as_bytes());
        let request = s3.request(Method::POST, "/bad").query("delete", "").header("content-md5", digest);
        let reply = request.body(body.to_owned()).send().await?;
        ensure!(reply.status == 400, "{} {}", reply.status, reply.text());
    }
    let huge = s3.request(Method::POST, "/bad").query("delete", "").body(vec![b' '; 16 << 20]).send().await;
    ensure!(huge.is_err() || huge.is_ok_and(|reply| reply.status >= 400));
    ensure!(s3.get("bad", "stays").await?.text() == "here");
    Ok(())
}

fn md5_base64(bytes: &[u8]) -> String {
    use base64::Engine;
    use md5::Digest;
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(bytes))
}

/// Large uploads without credentials, by a client that sends everything before it listens.
async fn who_is_refused_while_sending_hears_why(gateway: &mut TestGateway) -> Result<()> {
    for scheme in Scheme::BOTH {
        gateway.clients(scheme).python("early_refusals.py").ok().await?;
    }
    Ok(())
}
