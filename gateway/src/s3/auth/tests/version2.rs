//! The examples in Amazon's documentation of signature version 2, and what version 2 does not sign.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::*;

fn verifier_on(date: &str) -> Verifier {
    let seconds = time::parse_http(date).expect("a date");
    verifier_at(StillClock::at(seconds), S3Config::default())
}

async fn proves(method: &str, target: &str, date: &str, signature: &str, headers: &[(&str, &str)]) {
    let authorization = format!("AWS {KEY}:{signature}");
    let headers = [headers, &[("date", date), ("authorization", authorization.as_str())]].concat();
    let head = head(method, target, &headers);
    let verified = verify_with(&verifier_on(date), &head).await.unwrap_or_else(|e| panic!("{target} {:#?}", e.fields));
    assert!(
        matches!(verified.identity, Identity::Known(_))
            && verified.signature.is_some_and(|signature| signature.location == SignaturePlace::Header)
    );

    let later = verify_with(&verifier_on("Tue, 27 Mar 2008 19:36:42 +0000"), &head).await.expect_err("refused");
    assert_eq!(later.code, Code::RequestTimeTooSkewed);
}

#[tokio::test]
async fn amazons_examples_in_the_header() {
    let host = ("host", "johnsmith.s3.amazonaws.com");
    for (method, target, date, signature, headers) in [
        ("GET", "/photos/puppy.jpg", "Tue, 27 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU=", &[host][..]),
        (
            "PUT",
            "/photos/puppy.jpg",
            "Tue, 27 Mar 2007 21:15:45 +0000",
            "MyyxeRY7whkBe+bq8fHCL/2kKUg=",
            &[host, ("content-type", "image/jpeg")],
        ),
        (
            "GET",
            "/?prefix=photos&max-keys=50&marker=puppy",
            "Tue, 27 Mar 2007 19:42:41 +0000",
            "htDYFYduRNen8P9ZfE/s9SuKy0U=",
            &[host],
        ),
        ("GET", "/?acl", "Tue, 27 Mar 2007 19:44:46 +0000", "c2WLPFtWHVgbEmeEG93a4cG37dM=", &[host]),
        (
            "GET",
            "/",
            "Wed, 28 Mar 2007 01:29:59 +0000",
            "qGdzdERIC03wnaRNKh6OqZehG9s=",
            &[("host", "s3.amazonaws.com")],
        ),
        (
            "GET",
            "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re",
            "Wed, 28 Mar 2007 01:49:49 +0000",
            "DNEZGsoieTZ92F3bUfSPQcbGmlM=",
            &[("host", "s3.amazonaws.com")],
        ),
    ] {
        proves(method, target, date, signature, headers).await;
    }
}

#[tokio::test]
async fn metadata_headers_are_sorted_and_joined() {
    proves(
        "PUT",
        "/static.johnsmith.net/db-backup.dat.gz",
        "Tue, 27 Mar 2007 21:06:08 +0000",
        "ilyl83RwaSoYIEdixDQcA4OnAnc=",
        &[
            ("host", "s3.amazonaws.com:8080"),
            ("x-amz-acl", "public-read"),
            ("content-type", "application/x-download"),
            ("content-md5", "4gJE4saaMU4BqNR0kLY+lw=="),
            ("x-amz-meta-reviewedby", "joe@johnsmith.net"),
            ("x-amz-meta-reviewedby", "jane@johnsmith.net"),
            ("x-amz-meta-filechecksum", "0x02661779"),
            ("x-amz-meta-checksumalgorithm", "crc32"),
        ],
    )
    .await;
}

const PRESIGNED: &str = "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620";

fn verifier_until(seconds: i64) -> Verifier {
    verifier_at(StillClock::at(seconds), S3Config::default())
}

#[tokio::test]
async fn amazons_example_in_the_query_until_it_expires() {
    let head = head("GET", PRESIGNED, &[("host", "johnsmith.s3.amazonaws.com")]);
    let verified = verify_with(&verifier_until(1_175_139_619), &head).await.expect("valid");
    assert!(
        verified.signature.is_some_and(|signature| signature.location == SignaturePlace::Query)
            && matches!(verified.payload, Payload::Unsigned)
    );
    let late = verify_with(&verifier_until(1_175_139_620), &head).await.expect_err("refused");
    assert_eq!((late.code, late.message.as_ref()), (Code::AccessDenied, "Request has expired"));
}

#[tokio::test]
async fn nothing_can_be_added_to_a_presigned_url() {
    let host = ("host", "johnsmith.s3.amazonaws.com");
    for (method, more, headers) in [
        ("GET", "&acl", &[host][..]),
        ("GET", "&versionId=1", &[host]),
        ("GET", "&response-content-type=text/html", &[host]),
        ("GET", "&x-amz-acl=public-read", &[host]),
        ("GET", "&renameObject", &[host]),
        ("GET", "&anything=1", &[host]),
        ("GET", "&Expires=1275139620", &[host]),
        ("PUT", "", &[host]),
        ("GET", "", &[host, ("x-amz-copy-source", "/b/k")]),
        ("GET", "", &[host, ("content-type", "text/html")]),
        ("GET", "", &[("host", "another.s3.amazonaws.com")]),
        ("GET", "", &[host, ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")]),
    ] {
        let head = head(method, &format!("{PRESIGNED}{more}"), headers);
        let refused = verify_with(&verifier_until(1_175_139_000), &head).await.expect_err(more);
        assert_eq!(refused.status(), 403, "{more} {headers:?} {refused}");
    }
}

#[tokio::test]
async fn parameters_that_stand_for_headers_are_signed_as_headers() {
    let to_sign = "PUT\n\ntext/plain\n1175139620\nx-amz-acl:private\n/b/k";
    let signature = BASE64_STANDARD.encode(v2::sign(SECRET, to_sign).as_ref()).replace('+', "%2B").replace('=', "%3D");
    let target = format!(
        "/b/k?AWSAccessKeyId={KEY}&Expires=1175139620&x-amz-acl=private&content-type=text/plain&Signature={signature}"
    );
    let head = head("PUT", &target, &[("host", "h")]);
    let verified = verify_with(&verifier_until(1_175_139_000), &head).await.expect("valid");
    let hoisted: Vec<_> =
        verified.hoisted.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
    assert_eq!(hoisted, [("x-amz-acl", "private"), ("content-type", "text/plain")]);
}

#[tokio::test]
async fn a_slash_after_the_bucket_may_be_signed_and_not_sent() {
    for (target, signed, fine) in [
        ("/b?acl", "/b/?acl", true),
        ("/b?acl", "/b?acl", true),
        ("/b/?acl", "/b?acl", false),
        ("/b/k?acl", "/b/k/?acl", false),
    ] {
        let date = "Tue, 27 Mar 2007 19:36:42 +0000";
        let text = format!("GET\n\n\n{date}\n{signed}");
        let authorization = format!("AWS {KEY}:{}", BASE64_STANDARD.encode(v2::sign(SECRET, &text).as_ref()));
        let head = head("GET", target, &[("host", "h"), ("date", date), ("authorization", &authorization)]);
        assert_eq!(verify_with(&verifier_on(date), &head).await.is_ok(), fine, "{target} signed as {signed}");
    }
    // In a virtual host the path is a key, and a key with a slash after it is another key.
    let date = "Tue, 27 Mar 2007 19:36:42 +0000";
    let text = format!("GET\n\n\n{date}\n/johnsmith/k/");
    let authorization = format!("AWS {KEY}:{}", BASE64_STANDARD.encode(v2::sign(SECRET, &text).as_ref()));
    let headers = [("host", "johnsmith.s3.amazonaws.com"), ("date", date), ("authorization", authorization.as_str())];
    assert!(verify_with(&verifier_on(date), &head("GET", "/k/", &headers)).await.is_ok());
    assert!(verify_with(&verifier_on(date), &head("GET", "/k", &headers)).await.is_err());
}

#[tokio::test]
async fn version_2_can_be_switched_off() {
    let settings = S3Config { sigv2: false, ..S3Config::default() };
    let verifier = verifier_at(StillClock::at(1_175_139_000), settings);
    let url = head("GET", PRESIGNED, &[("host", "h")]);
    let header = head("GET", "/b", &[("host", "h"), ("authorization", "AWS AKIAIOSFODNN7EXAMPLE:x")]);
    for head in [url, header] {
        assert_eq!(verify_with(&verifier, &head).await.expect_err("refused").code, Code::InvalidRequest);
    }
}

/// Over HTTP/2 the host stands in the target alone; what is routed by it is signed by it.
#[tokio::test]
async fn a_bucket_in_the_authority_is_signed() {
    let date = "Tue, 27 Mar 2007 19:36:42 +0000";
    for (resource, fine) in [("/johnsmith/other/k", true), ("/other/k", false)] {
        let text = format!("GET\n\n\n{date}\n{resource}");
        let authorization = format!("AWS {KEY}:{}", BASE64_STANDARD.encode(v2::sign(SECRET, &text).as_ref()));
        let uri = "https://johnsmith.s3.amazonaws.com/other/k";
        let head = head("GET", uri, &[("date", date), ("authorization", &authorization)]);
        assert_eq!(verify_with(&verifier_on(date), &head).await.is_ok(), fine, "{resource}");
    }
}

/// What can stand in the text that is signed in more than one way is refused, even with the right signature over it.
#[tokio::test]
async fn parameters_cannot_be_folded_into_each_other() {
    let signed = async |method: &str, text: &str, query: &str| {
        let signature = BASE64_STANDARD.encode(v2::sign(SECRET, text).as_ref()).replace('+', "%2B").replace('=', "%3D");
        let target = format!("/b/k?AWSAccessKeyId={KEY}&Expires=1175139620&Signature={signature}&{query}");
        verify_with(&verifier_until(1_175_139_000), &head(method, &target, &[("host", "h")])).await.is_ok()
    };
    let text = "GET\n\n\n1175139620\n/b/k?response-content-type=text/plain&versionId=7";
    assert!(signed("GET", text, "versionId=7&response-content-type=text/plain").await);
    assert!(!signed("GET", text, "response-content-type=text/plain%26versionId%3D7").await);
    let text = "PUT\n\n\n1175139620\nx-amz-acl:private\nx-amz-date:1\n/b/k";
    assert!(signed("PUT", text, "x-amz-acl=private&x-amz-date=1").await);
    assert!(!signed("PUT", text, "x-amz-acl=private%0Ax-amz-date:1").await);
    let text = "PUT\n\na\nb\n1175139620\n/b/k";
    assert!(!signed("PUT", text, "content-type=a%0Ab").await);
    let text = "POST\n\n\n1175139620\n/b/k?uploads";
    assert!(signed("POST", text, "uploads=").await && signed("POST", text, "uploads").await);
}

/// Whatever its bytes, a header that is acted on is in the text that is signed.
#[tokio::test]
async fn a_header_beyond_ascii_is_signed() {
    let mut head = head("GET", PRESIGNED, &[("host", "johnsmith.s3.amazonaws.com")]);
    assert!(verify_with(&verifier_until(1_175_139_000), &head).await.is_ok());
    head.headers.insert("content-type", HeaderValue::from_bytes(b"text/\xe9").expect("bytes"));
    assert!(verify_with(&verifier_until(1_175_139_000), &head).await.is_err());
}
