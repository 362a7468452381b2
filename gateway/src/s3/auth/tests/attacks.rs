//! What must be refused, and in which words.

use super::*;

const HOST: (&str, &str) = ("host", "h");

/// A change of the text of an `Authorization` header.
type Change = Box<dyn Fn(&str) -> String>;

/// A change of a signed request.
type Edit = fn(&mut Parts);

fn signed() -> Parts {
    Client::default().request("PUT", "/b/k", &[HOST, ("x-amz-meta-a", "1")], "UNSIGNED-PAYLOAD")
}

fn with_authorization(change: impl Fn(&str) -> String) -> Parts {
    let mut head = signed();
    let changed = change(head.headers["authorization"].to_str().expect("text"));
    head.headers.insert("authorization", HeaderValue::from_str(&changed).expect("valid"));
    head
}

fn set(head: &mut Parts, name: &'static str, value: &'static str) {
    head.headers.insert(name, HeaderValue::from_static(value));
}

fn duplicate(head: &mut Parts) {
    head.headers.append("x-amz-meta-a", HeaderValue::from_static("1"));
}

fn remove(head: &mut Parts, name: &str) {
    head.headers.remove(name);
}

#[tokio::test]
async fn a_request_without_credentials_is_anonymous_and_nothing_else() {
    let verified = verify(&head("GET", "/b/k", &[HOST])).await.expect("anonymous");
    assert!(matches!(verified.identity, Identity::Anonymous) && verified.signature.is_none());
    for stream in ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"] {
        let head = head("PUT", "/b/k", &[HOST, ("x-amz-content-sha256", stream)]);
        assert_eq!(verify(&head).await.expect_err("refused").code, Code::AccessDenied);
    }
    let chunks = [HOST, ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")];
    let verified = verify(&head("PUT", "/b/k", &chunks)).await.expect("anonymous");
    assert!(matches!((verified.identity, verified.payload), (Identity::Anonymous, Payload::UnsignedTrailer)));
}

#[tokio::test]
async fn a_broken_claim_is_refused_and_never_anonymous() {
    let zeros = "0".repeat(64);
    let table: [(&str, Change, Code); 14] = [
        (
            "no signature",
            Box::new(|a| a.split(", Signature").next().unwrap_or_default().to_owned()),
            Code::AuthorizationHeaderMalformed,
        ),
        (
            "another signature",
            Box::new(move |a| format!("{}Signature={zeros}", a.split("Signature=").next().unwrap_or_default())),
            Code::SignatureDoesNotMatch,
        ),
        (
            "not hexadecimal",
            Box::new(|a| format!("{}Signature=x", a.split("Signature=").next().unwrap_or_default())),
            Code::SignatureDoesNotMatch,
        ),
        ("another algorithm", Box::new(|a| a.replace("HMAC-SHA256", "HMAC-SHA1")), Code::InvalidArgument),
        ("no algorithm", Box::new(|a| a.replace("AWS4-HMAC-SHA256 ", "")), Code::InvalidArgument),
        ("empty", Box::new(|_| String::new()), Code::InvalidArgument),
        ("basic", Box::new(|_| "Basic QUtJQTpzZWNyZXQ=".to_owned()), Code::InvalidArgument),
        ("another service", Box::new(|a| a.replace("/s3/", "/iam/")), Code::AuthorizationHeaderMalformed),
        ("another terminal", Box::new(|a| a.replace("aws4_request", "aws4")), Code::AuthorizationHeaderMalformed),
        ("another day", Box::new(|a| a.replace("20130524", "20130525")), Code::SignatureDoesNotMatch),
        ("another region", Box::new(|a| a.replace("us-east-1", "us-east-2")), Code::SignatureDoesNotMatch),
        ("another key", Box::new(|a| a.replace(KEY, "AKIAIOSFODNN7EXAMPLF")), Code::InvalidAccessKeyId),
        ("two signatures", Box::new(|a| format!("{a}, Signature=00")), Code::AuthorizationHeaderMalformed),
        ("host not signed", Box::new(|a| a.replace("host;", "")), Code::AccessDenied),
    ];
    assert!(verify(&signed()).await.is_ok());
    for (what, change, code) in table {
        assert_eq!(verify(&with_authorization(change)).await.expect_err(what).code, code, "{what}");
    }
}

#[tokio::test]
async fn two_claims_are_refused() {
    let mut twice = signed();
    let again = twice.headers["authorization"].clone();
    twice.headers.append("authorization", again);
    assert_eq!(verify(&twice).await.expect_err("refused").code, Code::InvalidArgument);

    let url = Client::default().presign("PUT", "/b/k", &[], &[HOST], "60");
    let mut both = head("PUT", &url, &[]);
    both.headers = signed().headers;
    assert_eq!(verify(&both).await.expect_err("refused").code, Code::InvalidArgument);

    let old = head("PUT", &format!("{url}&AWSAccessKeyId={KEY}&Signature=x&Expires=9999999999"), &[HOST]);
    assert_eq!(verify(&old).await.expect_err("refused").code, Code::InvalidArgument);
    for target in ["/b/k?X-Amz-Credential=x", "/b/k?x-amz-signature=x", "/b/k?Signature=x", "/b/k?AWSAccessKeyId=x"] {
        assert!(verify(&head("GET", target, &[HOST])).await.is_err(), "{target}: half a claim is not anonymous");
    }
}

#[tokio::test]
async fn any_amazon_header_added_after_signing_is_refused() {
    for name in [
        "x-amz-acl",
        "x-amz-bypass-governance-retention",
        "x-amz-checksum-algorithm",
        "x-amz-checksum-crc32",
        "x-amz-copy-source",
        "x-amz-copy-source-if-match",
        "x-amz-copy-source-range",
        "x-amz-decoded-content-length",
        "x-amz-expected-bucket-owner",
        "x-amz-grant-full-control",
        "x-amz-meta-b",
        "x-amz-metadata-directive",
        "x-amz-mfa",
        "x-amz-object-lock-mode",
        "x-amz-rename-source",
        "x-amz-request-payer",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-security-token",
        "x-amz-server-side-encryption",
        "x-amz-storage-class",
        "x-amz-tagging",
        "x-amz-tagging-directive",
        "x-amz-trailer",
        "x-amz-website-redirect-location",
        "x-amz-write-offset-bytes",
        "x-amz-whatever-comes-next",
    ] {
        let mut head = signed();
        head.headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        let refused = verify(&head).await.expect_err(name);
        assert_eq!(refused.code, Code::AccessDenied, "{name}");
        assert_eq!(refused.message, "There were headers present in the request which were not signed");
        assert_eq!(field(&refused, "HeadersNotSigned"), Some(name));
    }
}

#[tokio::test]
async fn what_is_signed_cannot_be_changed_or_left_out() {
    let changes: [(&str, Edit, Code); 8] = [
        ("method", |head| head.method = http::Method::DELETE, Code::SignatureDoesNotMatch),
        ("path", |head| head.uri = "/b/l".parse().expect("valid"), Code::SignatureDoesNotMatch),
        ("query", |head| head.uri = "/b/k?acl".parse().expect("valid"), Code::SignatureDoesNotMatch),
        ("host", |head| set(head, "host", "i"), Code::SignatureDoesNotMatch),
        ("value", |head| set(head, "x-amz-meta-a", "2"), Code::SignatureDoesNotMatch),
        ("duplicate", duplicate, Code::SignatureDoesNotMatch),
        ("left out", |head| remove(head, "x-amz-meta-a"), Code::SignatureDoesNotMatch),
        ("no date", |head| remove(head, "x-amz-date"), Code::AccessDenied),
    ];
    for (what, change, code) in changes {
        let mut head = signed();
        change(&mut head);
        assert_eq!(verify(&head).await.expect_err(what).code, code, "{what}");
    }
    let mut digest = signed();
    digest.headers.insert("x-amz-content-sha256", HeaderValue::from_static(NOTHING));
    assert_eq!(verify(&digest).await.expect_err("refused").code, Code::SignatureDoesNotMatch);
    for nonsense in ["", "abc", "STREAMING-SOMETHING"] {
        digest.headers.insert("x-amz-content-sha256", HeaderValue::from_str(nonsense).expect("valid"));
        assert_eq!(verify(&digest).await.expect_err("refused").code, Code::InvalidArgument, "{nonsense}");
    }
}

#[tokio::test]
async fn a_clock_may_be_a_quarter_of_an_hour_off() {
    let clock = StillClock::at(MIDNIGHT);
    let verifier = verifier_at(Arc::clone(&clock), S3Config::default());
    for (offset, fine) in
        [(0, true), (900, true), (-900, true), (901, false), (-901, false), (960, false), (86_400, false)]
    {
        clock.set(MIDNIGHT + offset);
        match verify_with(&verifier, &signed()).await {
            Ok(_) => assert!(fine, "{offset}"),
            Err(error) => {
                assert!(!fine && error.code == Code::RequestTimeTooSkewed, "{offset} {error}");
                assert_eq!(field(&error, "RequestTime"), Some("20130524T000000Z"));
                assert!(field(&error, "ServerTime").is_some());
                assert_eq!(field(&error, "MaxAllowedSkewMilliseconds"), Some("900000"));
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_region_is_named_when_regions_are_checked() {
    let settings = S3Config { region: "eu-north-1".to_owned(), strict_region: true, ..S3Config::default() };
    let verifier = verifier_at(StillClock::at(MIDNIGHT), settings);
    let refused = verify_with(&verifier, &signed()).await.expect_err("refused");
    assert_eq!(refused.code, Code::AuthorizationHeaderMalformed);
    assert_eq!(field(&refused, "Region"), Some("eu-north-1"));
    let right = Client { region: "eu-north-1", ..Client::default() };
    let head = right.request("GET", "/b", &[HOST], NOTHING);
    assert!(verify_with(&verifier, &head).await.is_ok());
}

#[tokio::test]
async fn a_mismatch_shows_what_was_signed_and_never_the_secret() {
    let mut head = signed();
    head.method = http::Method::GET;
    let refused = verify(&head).await.expect_err("refused");
    let canonical = field(&refused, "CanonicalRequest").expect("shown");
    assert!(canonical.starts_with("GET\n/b/k\n\nhost:h\n"), "{canonical}");
    assert!(field(&refused, "StringToSign").expect("shown").starts_with("AWS4-HMAC-SHA256\n20130524T000000Z\n"));
    assert!(refused.fields.iter().all(|(_, value)| !value.contains(SECRET)));
}

#[tokio::test]
async fn clients_that_send_no_digest_header_are_understood() {
    for (payload, binds) in [("UNSIGNED-PAYLOAD", false), (NOTHING, true)] {
        let mut head = Client::default().request("PUT", "/b/k", &[HOST], payload);
        head.headers.remove("x-amz-content-sha256");
        // Such a client does not sign the header either.
        let (names, rest) = ("host;x-amz-date", signature_without_digest_header(payload));
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request, SignedHeaders={names}, Signature={rest}"
        );
        head.headers.insert("authorization", HeaderValue::from_str(&value).expect("valid"));
        let verified = verify(&head).await.expect("valid");
        assert_eq!(matches!(verified.payload, Payload::Digest(_)), binds, "{payload}");
    }
}

fn signature_without_digest_header(payload: &str) -> String {
    let signable = canonical::Signable {
        method: "PUT",
        path: "/b/k".to_owned(),
        query: Vec::new(),
        headers: vec![("host".into(), "h".into()), ("x-amz-date".into(), "20130524T000000Z".into())],
        payload: payload.into(),
    };
    let to_sign = canonical::string_to_sign(MIDNIGHT, ("us-east-1", Service::S3), &signable.canonical());
    let key = v4::generate_signing_key(SECRET, time::system(MIDNIGHT), "us-east-1", "s3");
    v4::calculate_signature(key, to_sign.as_bytes())
}

#[tokio::test]
async fn a_length_that_the_server_dropped_is_recovered() {
    let own = [HOST, ("content-length", "5"), ("x-amz-decoded-content-length", "5")];
    let mut head = Client::default().request("PUT", "/b/k", &own, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert!(verify(&head).await.is_ok());
    head.headers.remove("content-length");
    assert_eq!(verify(&head).await.expect_err("refused").code, Code::SignatureDoesNotMatch);
    head.headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
    assert!(matches!(verify(&head).await.expect("valid").payload, Payload::UnsignedTrailer));
}

/// Nothing holds a body that is no stream to the length of a content, so that it says nothing about the length that was signed.
#[tokio::test]
async fn a_length_that_the_server_dropped_is_recovered_for_streams_alone() {
    let own = [HOST, ("content-length", "5"), ("x-amz-decoded-content-length", "5")];
    for payload in ["UNSIGNED-PAYLOAD", NOTHING] {
        let mut head = Client::default().request("PUT", "/b/k", &own, payload);
        assert!(verify(&head).await.is_ok(), "{payload}");
        head.headers.remove("content-length");
        head.headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
        assert_eq!(verify(&head).await.expect_err(payload).code, Code::SignatureDoesNotMatch);
    }
}

#[tokio::test]
async fn http_2_names_its_host_in_the_target() {
    let mut head = Client::default().request("GET", "/b/k", &[HOST], NOTHING);
    head.headers.remove("host");
    head.uri = "https://h/b/k".parse().expect("valid");
    assert!(verify(&head).await.is_ok());
}

#[tokio::test]
async fn only_a_date_header_is_enough() {
    let mut head =
        head("GET", "/b/k", &[HOST, ("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-content-sha256", NOTHING)]);
    let signable = canonical::Signable {
        method: "GET",
        path: "/b/k".to_owned(),
        query: Vec::new(),
        headers: vec![("date".into(), "Fri, 24 May 2013 00:00:00 GMT".into()), ("host".into(), "h".into())],
        payload: NOTHING.into(),
    };
    let to_sign = canonical::string_to_sign(MIDNIGHT, ("us-east-1", Service::S3), &signable.canonical());
    let key = v4::generate_signing_key(SECRET, time::system(MIDNIGHT), "us-east-1", "s3");
    let signature = v4::calculate_signature(key, to_sign.as_bytes());
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders=date;host,Signature={signature}"
    );
    head.headers.insert("authorization", HeaderValue::from_str(&value).expect("valid"));
    assert!(verify(&head).await.is_ok());
}
