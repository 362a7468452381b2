//! Forms as boto3 makes them, and as attackers change them.

use aws_sigv4::sign::v4;

use super::*;
use crate::config::S3Config;
use crate::objects::BodyError;
use crate::s3::auth::tests::{KEY, MIDNIGHT, SECRET, StillClock, verifier_at};
use crate::s3::headers::object_headers;

const POLICY: &str = r#"{"expiration":"2013-05-24T01:00:00Z","conditions":[{"bucket":"b"},["starts-with","$key","user/"],
    {"acl":"private"},["starts-with","$Content-Type","text/"],["content-length-range",3,10],["starts-with","$x-amz-meta-a",""],
    ["starts-with","$success_action_status",""],["starts-with","$x-amz-checksum-crc32",""],
    ["eq","$x-amz-algorithm","AWS4-HMAC-SHA256"],["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]]}"#;

fn version_4(policy: &str, secret: &str) -> Vec<(String, String)> {
    let policy = BASE64_STANDARD.encode(policy);
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::try_from(MIDNIGHT).expect("positive"));
    let signature = v4::calculate_signature(v4::generate_signing_key(secret, at, "r", "s3"), policy.as_bytes());
    [
        ("policy", policy.as_str()),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &format!("{KEY}/20130524/r/s3/aws4_request")),
        ("X-Amz-Date", "20130524T000000Z"),
        ("X-Amz-Signature", &signature),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn version_2(policy: &str) -> Vec<(String, String)> {
    use aws_lc_rs::hmac;
    let policy = BASE64_STANDARD.encode(policy);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, policy.as_bytes()).as_ref());
    [("AWSAccessKeyId", KEY), ("policy", &policy), ("signature", &signature)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

fn wire(fields: &[(String, String)], file: Option<&str>) -> String {
    let mut wire = String::new();
    for (name, value) in fields {
        wire.push_str(&format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    if let Some(content) = file {
        wire.push_str(&format!(
            "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\dir\\a.txt\"\r\n\r\n{content}\r\n"
        ));
    }
    wire + "--X\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nUpload\r\n--X--\r\n"
}

async fn send(fields: &[(String, String)], file: Option<&str>, seconds: i64) -> Result<Form, S3Error> {
    send_wire(wire(fields, file).into_bytes(), seconds).await
}

async fn send_wire(wire: Vec<u8>, seconds: i64) -> Result<Form, S3Error> {
    send_body(Body::from(wire), seconds).await
}

async fn send_body(body: Body, seconds: i64) -> Result<Form, S3Error> {
    let verifier = verifier_at(StillClock::at(seconds), S3Config::default());
    let head = http::Request::post("/b").header("content-type", "multipart/form-data; boundary=X");
    let (head, ()) = head.body(()).expect("valid").into_parts();
    parse(&verifier, "b", &head, body, &BodyLimits::default()).await
}

fn with(mut fields: Vec<(String, String)>, more: &[(&str, &str)]) -> Vec<(String, String)> {
    for (name, value) in more {
        fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    fields
}

const USUAL: [(&str, &str); 3] = [("key", "user/${filename}"), ("acl", "private"), ("Content-Type", "text/plain")];

async fn drain(mut form: Form) -> Result<Vec<u8>, BodyError> {
    let mut content = Vec::new();
    while let Some(bytes) = form.body.next().await? {
        content.extend_from_slice(&bytes);
    }
    Ok(content)
}

#[tokio::test]
async fn a_signed_form_is_a_put() {
    for signed in
        [version_4(POLICY, SECRET), version_2(&POLICY.replace(r#"["eq","$x-amz-algorithm","AWS4-HMAC-SHA256"],"#, ""))]
    {
        let more = [
            ("X-Amz-Meta-A", "b"),
            ("success_action_status", "201"),
            ("x-amz-checksum-crc32", "DUoRhQ=="),
            ("x-ignore-me", "1"),
        ];
        let fields = with(with(signed, &USUAL), &more);
        let form = send(&fields, Some("hello\r\n--"), MIDNIGHT).await.expect("valid");
        assert!(matches!(&form.identity, Identity::Known(key) if key.id == KEY));
        assert_eq!(form.key, "user/a.txt");
        assert_eq!(form.fields.get("success_action_status"), Some("201"));
        assert_eq!(form.headers["x-amz-meta-a"], "b");
        assert_eq!(form.headers["x-amz-acl"], "private");
        assert_eq!(form.headers["content-type"], "text/plain");
        assert_eq!(form.headers.len(), 4);
        assert!(form.promise.checksum.is_some());
        assert_eq!(drain(form).await.expect("whole"), b"hello\r\n--");
    }
}

/// Recorded of Amazon by LocalStack's `test_post_object_with_unicode_metadata`.
#[tokio::test]
async fn fields_are_text_of_any_alphabet() {
    for (text, shown) in [
        ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
        ("\0\u{1}\u{2}\u{3}\u{4}", "=?UTF-8?B?AAECAwQ=?="),
        ("=?UTF-8?Q?actually-ascii?=", "=?UTF-8?Q?actually-ascii?="),
        ("=?UTF-8?B?YWJj?=", "=?UTF-8?B?YWJj?="),
    ] {
        let policy = POLICY.replace(r#"{"acl"#, r#"["starts-with","$Cache-Control",""],{"acl"#);
        let more = [("x-amz-meta-a", text), ("Cache-Control", "non-ascii-%E2%80%94_—_é_")];
        let form = send(&with(with(version_4(&policy, SECRET), &USUAL), &more), Some("abc"), MIDNIGHT).await;
        let attributes = object_headers::read(&form.expect("valid").headers).expect("valid");
        let mut reply = HeaderMap::new();
        object_headers::write(&attributes, &mut reply);
        assert_eq!(reply["x-amz-meta-a"], shown);
        assert_eq!(reply["cache-control"].as_bytes(), b"non-ascii-%E2%80%94_ _\xe9_");
    }
}

#[tokio::test]
async fn the_name_of_the_file_stands_where_a_field_asks_for_it() {
    let policy = POLICY.replace(r#"["starts-with","$x-amz-meta-a",""]"#, r#"["eq","$x-amz-meta-a","it is a.txt"]"#);
    let fields = |value| with(with(version_4(&policy, SECRET), &USUAL), &[("x-amz-meta-a", value)]);
    let form = send(&fields("it is ${filename}"), Some("abc"), MIDNIGHT).await.expect("valid");
    assert_eq!(form.headers["x-amz-meta-a"], "it is a.txt");
    assert_eq!(form.fields.get("x-amz-meta-a"), Some("it is a.txt"));
    let refused = send(&fields("${filename}"), Some("abc"), MIDNIGHT).await.map(|_| ()).expect_err("another value");
    assert_eq!(refused.code, Code::AccessDenied);

    let name = "n".repeat(3_000);
    let many = vec![("key".to_owned(), "k".to_owned()), ("x-amz-meta-a".to_owned(), FILE_NAME.repeat(1_000))];
    let wire = wire(&many, Some("abc")).replace("C:\\dir\\a.txt", &name);
    let refused = send_wire(wire.into_bytes(), MIDNIGHT).await.map(|_| ()).expect_err("too long");
    assert_eq!(refused.code, Code::MaxPostPreDataLengthExceededError);
}

#[tokio::test]
async fn what_comes_before_the_file_has_an_end() {
    let field = b"--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".as_slice();
    for (begin, piece) in [
        (&b""[..], &b"preamble\r\n"[..]),
        (b"", b"\r\n--X-"),
        (b"", b"\r"),
        (b"--X\r\n", b"X-Header: y\r\n"),
        (field, b"value"),
        (b"", field),
    ] {
        let pieces = std::iter::once(begin).chain(std::iter::repeat_n(piece, 400_000 / piece.len()));
        let frames: Vec<_> = pieces.map(|piece| Ok::<_, std::io::Error>(bytes::Bytes::from_static(piece))).collect();
        let refused = send_body(Body::from_stream(futures::stream::iter(frames)), MIDNIGHT).await.map(|_| ());
        let code = refused.expect_err("it has no end").code;
        assert!(
            matches!(
                code,
                Code::MaxPostPreDataLengthExceededError | Code::MalformedPOSTRequest | Code::InvalidArgument
            ),
            "{code:?}"
        );
    }
    let still = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    tokio::time::pause();
    let late = send_body(still, MIDNIGHT).await.map(|_| ()).expect_err("it never came");
    assert_eq!(late.code, Code::RequestTimeout);
}

#[tokio::test]
async fn what_follows_the_file_must_be_a_form() {
    let fields = with(Vec::new(), &[("key", "a")]);
    let whole = wire(&fields, Some("abc\r\n--Xyz"));
    let form = send_wire(whole.clone().into_bytes(), MIDNIGHT).await.expect("parses");
    assert_eq!(drain(form).await.expect("whole"), b"abc\r\n--Xyz");
    for (what, changed) in [
        ("a line of the file is a delimiter", whole.replace("\r\n--Xyz", "\r\n--X\r\nyz")),
        ("no end", whole.replace("--X--\r\n", "")),
        ("a field without end", whole.replace("Upload\r\n--X--\r\n", "Up")),
        ("too much", whole.replace("Upload", &"u".repeat(70_000))),
    ] {
        let form = send_wire(changed.into_bytes(), MIDNIGHT).await.expect("the file has begun");
        assert!(matches!(drain(form).await, Err(BodyError::Incomplete | BodyError::TooLarge)), "{what}");
    }
}

#[tokio::test]
async fn the_file_is_as_long_as_the_policy_allows() {
    let fields = with(version_4(POLICY, SECRET), &USUAL);
    for (content, fine) in [("ab", false), ("abc", true), ("abcdefghij", true), ("abcdefghijk", false)] {
        let form = send(&fields, Some(content), MIDNIGHT).await.expect("valid");
        match drain(form).await {
            Ok(read) => assert!(fine && read == content.as_bytes(), "{content}"),
            Err(error) => assert!(!fine && matches!(error, BodyError::TooSmall | BodyError::TooLarge), "{content}"),
        }
    }
}

#[tokio::test]
async fn what_the_policy_does_not_allow_is_refused() {
    let signed = || with(version_4(POLICY, SECRET), &USUAL);
    let unsigned = |name: &str| signed().into_iter().filter(|(known, _)| known != name).collect::<Vec<_>>();
    for (what, fields, seconds, code) in [
        ("another key", with(signed(), &[("key", "elsewhere/a")]), MIDNIGHT, Code::AccessDenied),
        ("another acl", with(signed(), &[("acl", "public-read")]), MIDNIGHT, Code::AccessDenied),
        ("another type", with(signed(), &[("Content-Type", "image/png")]), MIDNIGHT, Code::AccessDenied),
        ("an uncovered field", with(signed(), &[("x-amz-meta-b", "1")]), MIDNIGHT, Code::AccessDenied),
        ("a late form", signed(), MIDNIGHT + 3_600, Code::AccessDenied),
        ("another secret", with(version_4(POLICY, "other"), &USUAL), MIDNIGHT, Code::SignatureDoesNotMatch),
        ("another policy", with(signed(), &[("policy", "e30=")]), MIDNIGHT, Code::SignatureDoesNotMatch),
        ("no policy", unsigned("policy"), MIDNIGHT, Code::InvalidArgument),
        ("no signature", unsigned("X-Amz-Signature"), MIDNIGHT, Code::InvalidArgument),
        ("no key", unsigned("key"), MIDNIGHT, Code::InvalidArgument),
        (
            "both versions",
            with(signed(), &[("AWSAccessKeyId", KEY), ("signature", "x")]),
            MIDNIGHT,
            Code::InvalidArgument,
        ),
        (
            "an unknown key",
            with(signed(), &[("X-Amz-Credential", "NOBODY/20130524/r/s3/aws4_request")]),
            MIDNIGHT,
            Code::InvalidAccessKeyId,
        ),
        (
            "a long form",
            with(signed(), &[("x-ignore-a", &"a".repeat(30_000))]),
            MIDNIGHT,
            Code::MaxPostPreDataLengthExceededError,
        ),
    ] {
        let refused = send(&fields, Some("abc"), seconds).await.map(|_| ()).expect_err(what);
        assert_eq!(refused.code, code, "{what}: {refused}");
    }
    assert!(send(&signed(), None, MIDNIGHT).await.is_err(), "a form has a file");
}

#[tokio::test]
async fn a_form_without_a_policy_is_anonymous() {
    let form = send(&with(Vec::new(), &[("key", "a")]), Some("abc"), MIDNIGHT).await.expect("parses");
    assert!(matches!(form.identity, Identity::Anonymous));
}

#[tokio::test]
async fn fields_must_be_fields_of_an_object() {
    for (name, value) in [("x-amz-copy-source", "/b/secret"), ("x-amz-trailer", "x"), ("x-amz-meta-a", "a\nb")] {
        let fields = with(Vec::new(), &[("key", "a"), (name, value)]);
        assert!(send(&fields, Some("abc"), MIDNIGHT).await.is_err(), "{name}");
    }
    let twice = vec![("key".to_owned(), "a".to_owned()), ("Key".to_owned(), "b".to_owned())];
    assert!(send(&twice, Some("abc"), MIDNIGHT).await.is_err());
}
