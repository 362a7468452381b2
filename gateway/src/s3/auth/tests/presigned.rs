//! Presigned URLs of version 4: what they carry, how long they live, what cannot be added.

use super::*;
use crate::s3::headers::object_headers;

const HOST: (&str, &str) = ("host", "h:9000");

async fn outcome(target: &str, headers: &[(&str, &str)]) -> Result<Verified, S3Error> {
    verify(&head("PUT", target, headers)).await
}

#[tokio::test]
async fn a_url_lives_from_its_date_for_as_long_as_it_says() {
    let target = Client::default().presign("GET", "/b/k", &[], &[HOST], "60");
    for (now, expected) in [
        (MIDNIGHT - 901, Some("Request is not yet valid")),
        (MIDNIGHT - 900, None),
        (MIDNIGHT, None),
        (MIDNIGHT + 59, None),
        (MIDNIGHT + 60, Some("Request has expired")),
        (MIDNIGHT + 61, Some("Request has expired")),
    ] {
        let verifier = verifier_at(StillClock::at(now), S3Config::default());
        let outcome = verify_with(&verifier, &head("GET", &target, &[HOST])).await;
        match (outcome, expected) {
            (Ok(verified), None) => {
                assert_eq!(verified.signature.map(|signature| signature.location), Some(SignaturePlace::Query))
            }
            (Err(error), Some(text)) => {
                assert_eq!((error.code, error.message.as_ref()), (Code::AccessDenied, text), "{now}");
            }
            (outcome, expected) => panic!("{now}: {outcome:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_life_of_zero_or_of_more_than_a_week_is_refused() {
    for (expires, valid) in
        [("1", true), ("604800", true), ("0", false), ("-1", false), ("604801", false), ("x", false), ("", false)]
    {
        let target = Client::default().presign("PUT", "/b/k", &[], &[HOST], expires);
        match outcome(&target, &[HOST]).await {
            Ok(_) => assert!(valid, "{expires}"),
            Err(error) => assert!(!valid && error.code == Code::AccessDenied, "{expires} {error}"),
        }
    }
}

#[tokio::test]
async fn parameters_stand_for_headers() {
    let query = [
        ("x-amz-meta-a", "b c"),
        ("x-amz-meta-word", "non-ascii-%E2%80%94_—_é_"),
        ("X-Amz-Acl", "private"),
        ("X-Amz-Security-Token", TOKEN),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-id", "PutObject"),
        ("response-content-type", "text/plain"),
    ];
    let target = Client::default().presign("PUT", "/b/k", &query, &[HOST], "60");
    let verified = outcome(&target, &[HOST]).await.expect("valid");
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-acl", HeaderValue::from_static("its-own"));
    verified.unhoist(&mut headers);
    assert_eq!(headers.len(), 3);
    assert_eq!(headers["x-amz-meta-a"], "b c");
    let mut reply = HeaderMap::new();
    object_headers::write(&object_headers::read(&headers).expect("valid"), &mut reply);
    let recorded = "=?UTF-8?Q?non-ascii-%E2%80%94=5F=E2=80=94=5F=C3=A9=5F?=";
    assert_eq!(reply["x-amz-meta-word"], recorded, "as Amazon answered LocalStack's test_put_unicode_metadata");
    assert_eq!(headers["x-amz-acl"], "its-own", "a header that is really there is signed too, and wins");
}

#[tokio::test]
async fn a_condition_in_the_url_holds_whatever_the_request_says() {
    let target = Client::default().presign("PUT", "/b/k", &[("If-None-Match", "*")], &[HOST], "60");
    let verified = outcome(&target, &[HOST, ("if-none-match", "nonsense")]).await.expect("valid");
    let mut headers = HeaderMap::new();
    headers.insert("if-none-match", HeaderValue::from_static("nonsense"));
    verified.unhoist(&mut headers);
    assert_eq!(headers["if-none-match"], "*");
}

#[tokio::test]
async fn the_browser_sdks_checksum_of_nothing_is_dropped_when_there_is_content() {
    let query = [("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-sdk-checksum-algorithm", "CRC32")];
    let target = Client::default().presign("PUT", "/b/k", &query, &[HOST], "60");
    for (length, expected) in [("5", 1), ("0", 2)] {
        let verified = outcome(&target, &[HOST, ("content-length", length)]).await.expect("valid");
        assert_eq!(verified.hoisted.len(), expected, "content-length {length}");
    }
    let real = [("x-amz-checksum-crc32", "DUoRhQ==")];
    let target = Client::default().presign("PUT", "/b/k", &real, &[HOST], "60");
    assert_eq!(outcome(&target, &[HOST, ("content-length", "11")]).await.expect("valid").hoisted.len(), 1);
}

#[tokio::test]
async fn signed_headers_must_be_sent_as_signed() {
    // boto3 signs this one; the engine would leave it out in its query mode.
    let headers = [HOST, ("x-amz-checksum-mode", "ENABLED")];
    let target = Client::default().presign("PUT", "/b/k", &[], &headers, "60");
    assert!(outcome(&target, &headers).await.is_ok());
    assert_eq!(outcome(&target, &[HOST]).await.expect_err("refused").code, Code::SignatureDoesNotMatch);
    let other = [HOST, ("x-amz-checksum-mode", "other")];
    assert_eq!(outcome(&target, &other).await.expect_err("refused").code, Code::SignatureDoesNotMatch);
}

#[tokio::test]
async fn a_digest_sent_with_the_upload_binds_the_body() {
    let target = Client::default().presign("PUT", "/b/k", &[], &[HOST], "60");
    let verified = outcome(&target, &[HOST, ("x-amz-content-sha256", NOTHING)]).await.expect("valid");
    assert!(matches!(verified.payload, Payload::Digest(_)));
}

#[tokio::test]
async fn nothing_can_be_changed_or_added() {
    let target = Client::default().presign("PUT", "/b/k", &[("a", "1")], &[HOST], "60");
    let changed = [
        target.replace("a=1", "a=2"),
        target.replace("a=1", "a=1&a=1"),
        target.replace("a=1", "b=1"),
        target.replace("/b/k", "/b/l"),
        target.replace("Expires=60", "Expires=61"),
        target.replace("us-east-1", "us-east-2"),
        format!("{target}&response-content-type=text/html"),
        format!("{target}&x-amz-acl=public-read"),
        format!("{target}&X-Amz-Expires=600"),
        format!("{target}&X-Amz-Signature={}", "0".repeat(64)),
        target.replace("X-Amz-Signature", "x-amz-signature"),
        target.replace("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4-HMAC-SHA1"),
        target.replace("SignedHeaders=host", "SignedHeaders="),
        target.replace("&X-Amz-Date=20130524T000000Z", ""),
    ];
    for target in changed {
        let refused = outcome(&target, &[HOST]).await.expect_err(&target);
        let known = [Code::SignatureDoesNotMatch, Code::AuthorizationQueryParametersError, Code::AccessDenied];
        assert!(known.contains(&refused.code), "{target} {refused}");
    }
    let copied = outcome(&target, &[HOST, ("x-amz-copy-source", "/other/secret")]).await.expect_err("refused");
    assert_eq!(field(&copied, "HeadersNotSigned"), Some("x-amz-copy-source"));
    let other_host = outcome(&target, &[("host", "elsewhere")]).await.expect_err("refused");
    assert_eq!(other_host.code, Code::SignatureDoesNotMatch);
    let other_method = verify(&head("DELETE", &target, &[HOST])).await.expect_err("refused");
    assert_eq!(other_method.code, Code::SignatureDoesNotMatch);
}

/// The date and the digest that count are those that were signed.
#[tokio::test]
async fn the_signature_says_when_it_was_made_and_what_it_covers() {
    let target = Client::default().presign("PUT", "/b/k", &[], &[HOST], "60");
    for more in ["", "x-amz-content-sha256"] {
        let headers = [HOST, (more, NOTHING)];
        let headers = if more.is_empty() { &headers[..1] } else { &headers[..] };
        let verified = outcome(&target, headers).await.expect("valid");
        let signature = verified.signature.expect("signed");
        assert_eq!((signature.version, signature.location), (SignatureVersion::V4, SignaturePlace::Query));
        assert_eq!((signature.signed_at, signature.covers_payload), (Some(MIDNIGHT), false), "{more}");
    }
    let head = Client::default().request("PUT", "/b/k", &[HOST], NOTHING);
    let signature = verify(&head).await.expect("valid").signature.expect("signed");
    assert_eq!((signature.location, signature.covers_payload), (SignaturePlace::Header, true));
}
