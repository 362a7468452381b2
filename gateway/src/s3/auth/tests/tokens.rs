//! Session tokens, and the services a signature can be for.

use std::future::ready;

use super::*;

const HOST: (&str, &str) = ("host", "h");

async fn with_token(token: &str) -> Result<Verified, S3Error> {
    let headers = [HOST, ("x-amz-security-token", token)];
    verify(&Client::default().request("GET", "/b/k", &headers, NOTHING)).await
}

#[tokio::test]
async fn a_token_must_be_the_keys() {
    assert!(with_token(TOKEN).await.is_ok());
    assert!(with_token("").await.is_ok(), "an empty one is none");
    assert_eq!(with_token("forged").await.expect_err("refused").code, Code::InvalidToken);
    assert_eq!(with_token("old").await.expect_err("refused").code, Code::ExpiredToken);
    assert_eq!(with_token(&"x".repeat(20_000)).await.expect_err("refused").code, Code::InvalidToken);
}

#[tokio::test]
async fn a_token_is_signed_and_there_is_one() {
    let client = Client::default();
    let mut unsigned = client.request("GET", "/b/k", &[HOST], NOTHING);
    unsigned.headers.insert("x-amz-security-token", HeaderValue::from_static(TOKEN));
    assert_eq!(verify(&unsigned).await.expect_err("refused").code, Code::AccessDenied);
    let twice = [HOST, ("x-amz-security-token", TOKEN), ("x-amz-security-token", TOKEN)];
    let twice = client.request("GET", "/b/k", &twice, NOTHING);
    assert_eq!(verify(&twice).await.expect_err("refused").code, Code::InvalidToken);
    let both = [HOST, ("x-amz-security-token", TOKEN)];
    let target = client.presign("GET", "/b/k", &[("X-Amz-Security-Token", TOKEN)], &both, "60");
    assert_eq!(verify(&head("GET", &target, &both)).await.expect_err("refused").code, Code::InvalidToken);
    let alone = client.presign("GET", "/b/k", &[("X-Amz-Security-Token", TOKEN)], &[HOST], "60");
    assert!(verify(&head("GET", &alone, &[HOST])).await.is_ok());
    let other = alone.replace("token%2F%2B%3D", "forged");
    assert_eq!(verify(&head("GET", &other, &[HOST])).await.expect_err("refused").code, Code::InvalidToken);
}

#[tokio::test]
async fn a_temporary_key_needs_its_token() {
    let client = Client { key: "ASIAIOSFODNN7EXAMPLE", ..Client::default() };
    let request = client.request("GET", "/b/k", &[HOST], NOTHING);
    assert_eq!(verify(&request).await.expect_err("refused").code, Code::InvalidAccessKeyId);
}

#[tokio::test]
async fn a_signature_for_one_service_opens_no_other() {
    let body = "Action=GetUser&Version=2010-05-08";
    let sha256 = sha256_hex(body.as_bytes());
    for (service, for_s3, for_actions) in
        [("s3", true, false), ("iam", false, true), ("sts", false, true), ("execute-api", false, false)]
    {
        let client = Client { service, ..Client::default() };
        let request = client.request("POST", "/", &[HOST], &sha256);
        let verifier = verifier();
        assert_eq!(verifier.verify(&request, &target_of(&request)).await.is_ok(), for_s3, "{service}");
        let action = verifier.verify_action(&request, &target_of(&request), ready(Ok(body.as_bytes()))).await;
        assert_eq!(
            action.as_ref().is_ok_and(|(_, found, _)| found.word() == service),
            for_actions,
            "{service} {action:?}"
        );
    }
}

#[tokio::test]
async fn an_action_is_signed_with_its_body() {
    let client = Client { service: "iam", ..Client::default() };
    let body = b"Action=GetUser&Version=2010-05-08".as_slice();
    let sha256 = sha256_hex(body);
    let verifier = verifier();
    let refused = async |request: &Parts, body: &[u8]| {
        verifier.verify_action(request, &target_of(request), ready(Ok(body))).await.expect_err("refused").code
    };
    let request = client.request("POST", "/", &[HOST], &sha256);
    assert!(verifier.verify_action(&request, &target_of(&request), ready(Ok(body))).await.is_ok());
    assert_eq!(refused(&request, b"Action=CreateUser").await, Code::XAmzContentSHA256Mismatch);
    let unsigned = client.request("POST", "/", &[HOST], "UNSIGNED-PAYLOAD");
    assert_eq!(refused(&unsigned, body).await, Code::XAmzContentSHA256Mismatch);
    assert_eq!(refused(&head("POST", "/", &[HOST]), body).await, Code::AccessDenied, "nobody signed");
    let presigned = client.presign("POST", "/", &[], &[HOST], "60");
    assert_eq!(refused(&head("POST", &presigned, &[HOST]), body).await, Code::AccessDenied, "in the query");

    // As SDKs of IAM sign: the digest is in the signature and in no header.
    let mut bare = client.request("POST", "/", &[HOST], &sha256);
    bare.headers.remove("x-amz-content-sha256");
    let signed = signature_without_digest_header(&sha256);
    bare.headers.insert("authorization", HeaderValue::from_str(&signed).expect("valid"));
    assert!(verifier.verify_action(&bare, &target_of(&bare), ready(Ok(body))).await.is_ok());
    assert_eq!(refused(&bare, b"Action=CreateUser").await, Code::SignatureDoesNotMatch);
}

fn signature_without_digest_header(payload: &str) -> String {
    let signable = canonical::Signable {
        method: "POST",
        path: "/".to_owned(),
        query: Vec::new(),
        headers: vec![("host".into(), "h".into()), ("x-amz-date".into(), "20130524T000000Z".into())],
        payload: payload.into(),
    };
    let to_sign = canonical::string_to_sign(MIDNIGHT, ("us-east-1", Service::Iam), &signable.canonical());
    let key = v4::generate_signing_key(SECRET, time::system(MIDNIGHT), "us-east-1", "iam");
    let signature = v4::calculate_signature(key, to_sign.as_bytes());
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature={signature}"
    )
}

/// The body is asked for only when its sender may be somebody: a claim of now, by a key there is, and with the digest in the
/// head, with the right signature.
#[tokio::test]
async fn nothing_is_read_for_an_action_of_nobody() {
    let verifier = verifier();
    let client = Client { service: "iam", ..Client::default() };
    let unread = async |request: &Parts| {
        let body = async { Err::<&[u8], _>(S3Error::with(Code::InternalError, "it was read")) };
        verifier.verify_action(request, &target_of(request), body).await.expect_err("refused").code
    };
    let signed = client.request("POST", "/", &[HOST], NOTHING);
    let change = |from: &str, to: &str| {
        let mut request = signed.clone();
        let text = request.headers["authorization"].to_str().expect("text").replace(from, to);
        request.headers.insert("authorization", HeaderValue::from_str(&text).expect("valid"));
        request
    };
    let without = |name: &str, mut request: Parts| {
        request.headers.remove(name);
        request
    };
    let old = || {
        let mut request = without("x-amz-content-sha256", signed.clone());
        request.headers.insert("x-amz-date", HeaderValue::from_static("20130524T010000Z"));
        request
    };
    let other_method = || {
        let mut request = signed.clone();
        request.method = http::Method::PUT;
        request
    };
    for (what, request, code) in [
        ("nobody", head("POST", "/", &[HOST]), Code::AccessDenied),
        ("another key", change(KEY, "AKIAIOSFODNN7EXAMPLF"), Code::InvalidAccessKeyId),
        ("another method", other_method(), Code::SignatureDoesNotMatch),
        ("another region", change("us-east-1", "us-east-2"), Code::SignatureDoesNotMatch),
        (
            "another key, no digest",
            without("x-amz-content-sha256", change(KEY, "AKIAIOSFODNN7EXAMPLF")),
            Code::InvalidAccessKeyId,
        ),
        ("another time, no digest", old(), Code::RequestTimeTooSkewed),
        ("the right signature", signed.clone(), Code::InternalError),
        ("a key that exists", without("x-amz-content-sha256", signed.clone()), Code::InternalError),
    ] {
        assert_eq!(unread(&request).await, code, "{what}");
    }
}
