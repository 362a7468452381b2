//! Objects of every kind.

use anyhow::Result;
use base64::Engine;
use harness::Payload;
use http::Method;
use md5::Digest;

use crate::writer::Writer;

/// The key that clients bring for SSE-C.
const CLIENT_KEY: [u8; 32] = [0x5c; 32];

const TAGGING: &str = "<Tagging><TagSet><Tag><Key>k</Key><Value>later</Value></Tag></TagSet></Tagging>";
const VERSIONING: &str = "<VersioningConfiguration><Status>STATUS</Status></VersioningConfiguration>";

/// Headers of a request that brings the client's key.
pub fn client_key() -> Vec<(&'static str, String)> {
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    vec![
        ("x-amz-server-side-encryption-customer-algorithm", "AES256".into()),
        ("x-amz-server-side-encryption-customer-key", base64(&CLIENT_KEY)),
        ("x-amz-server-side-encryption-customer-key-md5", base64(&md5::Md5::digest(CLIENT_KEY))),
    ]
}

/// Writes them.
pub async fn write(writer: &mut Writer) -> Result<()> {
    plain(writer).await?;
    encrypted(writer).await?;
    for class in ["STANDARD", "STANDARD_IA", "REDUCED_REDUNDANCY", "GLACIER_IR"] {
        for size in [700, 7_001] {
            writer.put("classes", &format!("{class}/{size}"), size, &[("x-amz-storage-class", class)]).await?;
        }
    }
    versions(writer).await?;
    locked(writer).await?;
    listed(writer).await?;
    uploads(writer).await?;
    for key in ["in/one", "in/two", "out/three"] {
        writer.put("told", key, 10, &[]).await?;
    }
    writer.root().delete("told", "in/two").await?.ok()?;
    writer.contents.remove(&("told".into(), "in/two".into(), "null".into()));
    writer.fixture.notifications = ["in/one", "in/two", "in/two"].map(str::to_owned).to_vec();
    writer.put("settings", "by-default", 300, &[]).await.map(drop)
}

async fn plain(writer: &mut Writer) -> Result<()> {
    writer.put("plain", "empty", 0, &[]).await?;
    small(writer).await?;
    writer.put("plain", "na\u{ef}ve/gr\u{f6}\u{df}e+plus&amp %25.txt", 77, &[]).await?;
    // More than one stripe, and more than a quilt takes by default.
    writer.put("plain", "large", (1 << 20) + 7_001, &[]).await?;
    writer.copy("/plain/large", "plain", "copy/large", &[]).await?;
    writer
        .copy(
            "/plain/small/c",
            "plain",
            "copy/small",
            &[("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-copied", "yes")],
        )
        .await?;
    let described = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-disposition", "attachment; filename=\"a.txt\""),
        ("content-language", "de"),
        ("cache-control", "max-age=60"),
        ("expires", "Wed, 21 Oct 2099 07:28:00 GMT"),
        ("x-amz-meta-author", "somebody"),
        ("x-amz-tagging", "a=b&c=d%20e"),
        ("x-amz-website-redirect-location", "/elsewhere"),
    ];
    writer.put("plain", "described", 4_097, &described).await?;
    for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
        let name = format!("x-amz-checksum-{}", algorithm.to_lowercase());
        let Some(value) = checksum(algorithm) else { continue };
        writer.put("plain", &format!("checksum/{algorithm}"), 0, &[(&name, value)]).await?;
    }
    let (first, second) = (Payload::new("append", 1, 300), Payload::new("append", 2, 7_000));
    let root = writer.root();
    for (offset, piece) in [("0", &first), ("300", &second)] {
        let request = root.on(Method::PUT, "plain", "appended").header("x-amz-write-offset-bytes", offset);
        let reply = request.body(piece.bytes()).send().await?.ok()?;
        writer.holds("plain", "appended", &reply, &[first.bytes(), second.bytes()].concat());
    }
    Ok(())
}

/// Objects that come at the same time, and share quilts.
async fn small(writer: &mut Writer) -> Result<()> {
    let root = &writer.root();
    let sizes = [("a", 1), ("b", 100), ("c", 3_000), ("d", 4_096), ("e", 2_000), ("f", 10), ("denied", 64)];
    let sent = sizes.map(|(name, size)| async move {
        let (key, content) = (format!("small/{name}"), Payload::new(name, 0, size).bytes());
        let reply = root.put("plain", &key, content.clone()).await?.ok()?;
        anyhow::Ok((key, reply, content))
    });
    for done in futures::future::join_all(sent).await {
        let (key, reply, content) = done?;
        writer.holds("plain", &key, &reply, &content);
    }
    Ok(())
}

/// The checksum of nothing, as other programs compute it.
fn checksum(algorithm: &str) -> Option<&'static str> {
    match algorithm {
        "CRC32" | "CRC32C" => Some("AAAAAA=="),
        "CRC64NVME" => Some("AAAAAAAAAAA="),
        "SHA1" => Some("2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
        "SHA256" => Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        _ => None,
    }
}

async fn encrypted(writer: &mut Writer) -> Result<()> {
    let client_key = client_key();
    let client_key: Vec<_> = client_key.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let kms = [("x-amz-server-side-encryption", "aws:kms")];
    let context = ("x-amz-server-side-encryption-context", "eyJhIjoiYiJ9");
    for size in [900, 7_001] {
        writer.put("plain", &format!("sse-c/{size}"), size, &client_key).await?;
        writer.put("plain", &format!("sse-kms/{size}"), size, &[kms[0], context]).await?;
    }
    writer.put("plain", "sse-s3", 200, &[("x-amz-server-side-encryption", "AES256")]).await?;
    writer.copy("/plain/small/d", "plain", "sse-kms/copied", &kms).await
}

async fn versions(writer: &mut Writer) -> Result<()> {
    let root = writer.root();
    for bucket in ["enabled", "suspended"] {
        writer.put(bucket, "before", 50, &[]).await?;
        writer.put(bucket, "replaced", 60, &[]).await?;
        writer.set(&format!("/{bucket}"), "versioning", &VERSIONING.replace("STATUS", "Enabled")).await?;
        writer.put(bucket, "replaced", 70, &[("x-amz-tagging", "version=2")]).await?;
        writer.put(bucket, "replaced", 7_080, &[]).await?;
        writer.put(bucket, "deleted", 90, &[]).await?;
        root.delete(bucket, "deleted").await?.ok()?;
        root.delete(bucket, "never").await?.ok()?;
        writer.put(bucket, "returned", 100, &[]).await?;
        root.delete(bucket, "returned").await?.ok()?;
        writer.put(bucket, "returned", 110, &[]).await?;
        writer.set(&format!("/{bucket}/returned"), "tagging", TAGGING).await?;
    }
    writer.set("/suspended", "versioning", &VERSIONING.replace("STATUS", "Suspended")).await?;
    writer.put("suspended", "returned", 120, &[]).await?;
    writer.put("suspended", "fresh", 130, &[]).await?;
    root.delete("suspended", "replaced").await?.ok()?;
    writer.contents.remove(&("suspended".into(), "replaced".into(), "null".into()));
    Ok(())
}

async fn locked(writer: &mut Writer) -> Result<()> {
    let until = ("x-amz-object-lock-retain-until-date", "2099-01-01T00:00:00Z");
    writer.put("locked", "by-default", 10, &[]).await?;
    for mode in ["COMPLIANCE", "GOVERNANCE"] {
        writer.put("locked", mode, 20, &[("x-amz-object-lock-mode", mode), until]).await?;
    }
    writer.put("locked", "held", 30, &[("x-amz-object-lock-legal-hold", "ON")]).await.map(drop)
}

/// Objects with access lists, one of them somebody else's.
async fn listed(writer: &mut Writer) -> Result<()> {
    let (root, alice) = (writer.root(), writer.user("alice")?);
    let grantee = format!("id=\"{}\"", crate::identity::canonical_id(writer, "alice").await?);
    let owner = format!("id=\"{}\"", crate::identity::canonical_id(writer, "root").await?);
    let grants = root.request(Method::PUT, "/lists").query("acl", "");
    let grants = grants.header("x-amz-grant-full-control", &owner).header("x-amz-grant-write", &grantee);
    grants.send().await?.ok()?;
    writer.put("lists", "readable", 40, &[("x-amz-grant-read", grantee.as_str())]).await?;
    writer.put("lists", "public", 41, &[("x-amz-acl", "public-read")]).await?;
    let (lists, alices) = (Payload::new("alice's", 1, 42), Payload::new("alice's", 2, 2_000));
    let request = alice.on(Method::PUT, "lists", "of-alice").header("x-amz-acl", "bucket-owner-full-control");
    let reply = request.body(lists.bytes()).send().await?.ok()?;
    writer.holds("lists", "of-alice", &reply, &lists.bytes());
    for key in ["letter", "secret"] {
        let reply = alice.put("alices", key, alices.bytes()).await?.ok()?;
        writer.holds("alices", key, &reply, &alices.bytes());
    }
    Ok(())
}

/// One upload that was completed, and one that is left open.
async fn uploads(writer: &mut Writer) -> Result<()> {
    let root = writer.root();
    let request = root.on(Method::POST, "uploads", "completed").query("uploads", "");
    let request = request.header("x-amz-checksum-algorithm", "CRC32C").header("x-amz-meta-kind", "parts");
    let upload = request.send().await?.ok()?.text_of("UploadId")?;
    let part = Payload::new("completed", 1, 7_007);
    let etag = root.put_part("uploads", "completed", &upload, 1, part.bytes()).await?;
    let reply = root.complete("uploads", "completed", &upload, &[(1, etag)]).await?.ok()?;
    writer.holds("uploads", "completed", &reply, &part.bytes());

    let request = root.on(Method::POST, "uploads", "open").query("uploads", "");
    let request = request.header("content-type", "text/html").header("x-amz-storage-class", "STANDARD_IA");
    let id = request.header("x-amz-tagging", "open=yes").send().await?.ok()?.text_of("UploadId")?;
    let mut parts = Vec::new();
    for (number, size) in [(1, 800), (2, 7_002), (9, 0)] {
        let seed = format!("open part {number}");
        let content = Payload::new(&seed, 0, size).bytes();
        let etag = root.put_part("uploads", "open", &id, number, content).await?;
        parts.push((number, etag, seed, size));
    }
    writer.fixture.open_upload = harness::OpenUpload { bucket: "uploads".into(), key: "open".into(), id, parts };
    Ok(())
}
