//! What clients that use no SDK of Amazon expect of the settings of a bucket.

use anyhow::{Result, ensure};
use harness::{Reply, S3, TestGateway, on_sqlite};
use http::Method;

on_sqlite!(documents_without_a_digest, tags_are_put_without_an_answer);

async fn put(s3: &S3, parameter: &str, digest: bool, document: &str) -> Result<Reply> {
    let request = s3.request(Method::PUT, "/set").query(parameter, "").body(document.to_owned());
    let digests = digest.then(|| md5(document.as_bytes()));
    digests.into_iter().fold(request, |request, digest| request.header("content-md5", digest)).send().await
}

/// s3cmd, minio-js and the old SDK for JavaScript send no `Content-MD5` where Amazon asks for none.
async fn documents_without_a_digest(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("set").await?;
    let website = "<WebsiteConfiguration><IndexDocument><Suffix>i.html</Suffix></IndexDocument></WebsiteConfiguration>";
    put(&s3, "website", false, website).await?.ok()?;
    put(&s3, "notification", false, "<NotificationConfiguration/>").await?.ok()?;
    put(&s3, "logging", false, "<BucketLoggingStatus/>").await?.ok()?;
    let payer = "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>";
    put(&s3, "requestPayment", false, payer).await?.ok()?;
    for parameter in ["tagging", "cors", "lifecycle"] {
        put(&s3, parameter, false, "<Any/>").await?.refused(400, "InvalidRequest")?;
    }
    Ok(())
}

/// fog and boto 2 take nothing but 204 for success.
async fn tags_are_put_without_an_answer(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("set").await?;
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let reply = put(&s3, "tagging", true, tags).await?.ok()?;
    ensure!(reply.status == 204, "{}", reply.status);
    Ok(())
}

fn md5(bytes: &[u8]) -> String {
    use base64::Engine;
    use md5::Digest;
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(bytes))
}
