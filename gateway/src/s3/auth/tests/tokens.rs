//! Session tokens, and the services a signature can be for.

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
    let sha256 = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes()));
    for (service, for_s3, for_actions) in
        [("s3", true, false), ("iam", false, true), ("sts", false, true), ("execute-api", false, false)]
    {
        let client = Client { service, ..Client::default() };
        let request = client.request("POST", "/", &[HOST], &sha256);
        let verifier = verifier();
        assert_eq!(verifier.verify(&request, "/").await.is_ok(), for_s3, "{service}");
        let action = verifier.verify_action(&request, "/", &sha256).await;
        assert_eq!(
            action.as_ref().is_ok_and(|(_, found)| found.word() == service),
            for_actions,
            "{service} {action:?}"
        );
    }
}

#[tokio::test]
async fn an_action_is_signed_with_its_body() {
    let client = Client { service: "iam", ..Client::default() };
    let sha256 = "ab".repeat(32);
    let verifier = verifier();
    let refused =
        async |request: &Parts, body: &str| verifier.verify_action(request, "/", body).await.expect_err("refused").code;
    let request = client.request("POST", "/", &[HOST], &sha256);
    assert!(verifier.verify_action(&request, "/", &sha256).await.is_ok());
    assert_eq!(refused(&request, &"cd".repeat(32)).await, Code::XAmzContentSHA256Mismatch);
    let unsigned = client.request("POST", "/", &[HOST], "UNSIGNED-PAYLOAD");
    assert_eq!(refused(&unsigned, &sha256).await, Code::XAmzContentSHA256Mismatch);
    assert_eq!(refused(&head("POST", "/", &[HOST]), &sha256).await, Code::AccessDenied, "nobody signed");
    let presigned = client.presign("POST", "/", &[], &[HOST], "60");
    assert_eq!(refused(&head("POST", &presigned, &[HOST]), &sha256).await, Code::AccessDenied, "in the query");
}
