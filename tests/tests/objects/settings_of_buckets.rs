//! What clients that use no SDK of Amazon expect of the settings of a bucket.

use anyhow::{Result, ensure};
use harness::{Reply, S3, TestGateway, on_both, on_sqlite};
use http::Method;

on_sqlite!(documents_without_a_digest, tags_are_put_without_an_answer, configurations_are_listed_in_pages);
on_both!(configurations_have_ids);

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

const METRICS: &str = "<MetricsConfiguration><Id>one</Id><Filter><And><Prefix>logs/</Prefix>\
    <Tag><Key>a</Key><Value>b</Value></Tag></And></Filter></MetricsConfiguration>";
const ANALYTICS: &str = "<AnalyticsConfiguration><Id>one</Id><Filter><Prefix>logs/</Prefix></Filter><StorageClassAnalysis>\
    <DataExport><OutputSchemaVersion>V_1</OutputSchemaVersion><Destination><S3BucketDestination><Format>CSV</Format>\
    <Bucket>arn:aws:s3:::set</Bucket><Prefix>out</Prefix></S3BucketDestination></Destination></DataExport>\
    </StorageClassAnalysis></AnalyticsConfiguration>";
const TIERING: &str = "<IntelligentTieringConfiguration><Id>one</Id><Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>\
    <Status>Enabled</Status><Tiering><Days>90</Days><AccessTier>ARCHIVE_ACCESS</AccessTier></Tiering>\
    </IntelligentTieringConfiguration>";
const KINDS: [(&str, &str); 3] = [("metrics", METRICS), ("analytics", ANALYTICS), ("intelligent-tiering", TIERING)];

async fn with_id(s3: &S3, method: Method, parameter: &str, id: &str, document: &str) -> Result<Reply> {
    s3.request(method, "/set").query(parameter, "").query("id", id).body(document.to_owned()).send().await
}

/// What is inside the root of a document.
fn inside(document: &str) -> &str {
    let after = document.find("?>").map_or(0, |at| at + 2);
    let root = document[after..].find('>').map_or(0, |at| after + at + 1);
    &document[root..document.rfind("</").unwrap_or(root)]
}

/// Answers as recorded of Amazon by LocalStack's tests. Two that are put at once both stay: Terraform puts ten at once.
async fn configurations_have_ids(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("set").await?;
    for (parameter, document) in KINDS {
        with_id(&s3, Method::PUT, parameter, "other", document).await?.refused(400, "MalformedXML")?;
        with_id(&s3, Method::GET, parameter, "one", "").await?.refused(404, "NoSuchConfiguration")?;
        with_id(&s3, Method::DELETE, parameter, "one", "").await?.refused(404, "NoSuchConfiguration")?;
        let reply = with_id(&s3, Method::PUT, parameter, "one", document).await?.ok()?;
        ensure!(reply.status == 204, "{}", reply.status);
        let shown = with_id(&s3, Method::GET, parameter, "one", "").await?.ok()?.text();
        ensure!(inside(&shown) == inside(document), "{shown}");

        let named = |id: &str| document.replace("<Id>one</Id>", &format!("<Id>{id}</Id>"));
        let others = ["two", "three", "four", "five"].map(|id| (id, named(id)));
        let puts = others.iter().map(|(id, document)| with_id(&s3, Method::PUT, parameter, id, document));
        for reply in futures::future::join_all(puts).await {
            reply?.ok()?;
        }
        let listed = s3.request(Method::GET, "/set").query(parameter, "").send().await?.ok()?;
        ensure!(listed.texts_of("Id") == ["five", "four", "one", "three", "two"], "{}", listed.text());
        ensure!(listed.text_of("IsTruncated")? == "false");
        with_id(&s3, Method::DELETE, parameter, "one", "").await?.ok()?;
        with_id(&s3, Method::GET, parameter, "one", "").await?.refused(404, "NoSuchConfiguration")?;
    }
    let wrong = [
        ("metrics", METRICS.replace("<Tag><Key>a</Key><Value>b</Value></Tag>", ""), "MalformedXML"),
        ("metrics", METRICS.replace("<Id>one</Id>", "<Id>a b</Id>"), "InvalidArgument"),
        ("analytics", ANALYTICS.replace("V_1", "V_2"), "MalformedXML"),
        ("analytics", ANALYTICS.replace(":::set", ":::another"), "InvalidS3DestinationBucket"),
        ("intelligent-tiering", TIERING.replace("90", "89"), "InvalidArgument"),
        ("intelligent-tiering", TIERING.replace("ARCHIVE_ACCESS", "ATTIC"), "MalformedXML"),
    ];
    for (parameter, document, code) in wrong {
        with_id(&s3, Method::PUT, parameter, "one", &document).await?.refused(400, code)?;
    }
    Ok(())
}

async fn configurations_are_listed_in_pages(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("set").await?;
    for number in 0..102 {
        let id = format!("{number:03}");
        let document = METRICS.replace("<Id>one</Id>", &format!("<Id>{id}</Id>"));
        with_id(&s3, Method::PUT, "metrics", &id, &document).await?.ok()?;
    }
    let first = s3.request(Method::GET, "/set").query("metrics", "").send().await?.ok()?;
    ensure!(first.texts_of("Id").len() == 100 && first.text_of("IsTruncated")? == "true");
    let token = first.text_of("NextContinuationToken")?;
    let list = s3.request(Method::GET, "/set").query("metrics", "").query("continuation-token", &token);
    let second = list.send().await?.ok()?;
    ensure!(second.texts_of("Id") == ["100", "101"] && second.text_of("ContinuationToken")? == token);
    ensure!(second.text_of("IsTruncated")? == "false" && second.texts_of("NextContinuationToken").is_empty());
    let list = s3.request(Method::GET, "/set").query("metrics", "").query("continuation-token", "*");
    list.send().await?.refused(400, "InvalidArgument")
}

fn md5(bytes: &[u8]) -> String {
    use base64::Engine;
    use md5::Digest;
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(bytes))
}
