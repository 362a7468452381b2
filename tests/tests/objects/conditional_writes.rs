//! Conditional writes: among any number of racers there is exactly one winner, whichever gateway they ask.
//!
//! By hand, more often: `HAULOUT_ROUNDS=1000 tests/run creators`.

use anyhow::{Result, ensure};
use futures::future::{join_all, try_join_all};
use harness::{Database, Reply, S3, Settings, TestGateway, number_from_environment, on_both, on_postgres};
use http::Method;

on_both!(
    one_of_thirty_two_creators_wins,
    a_counter_never_loses_a_step,
    a_completed_upload_can_be_too_late,
    what_changed_under_an_upload_is_a_conflict,
    a_refusal_says_which_condition_did_not_hold,
);

on_postgres!(settings => one_of_thirty_two_creators_at_two_gateways_wins);

const RACERS: usize = 32;

fn settings(database: Database) -> Settings {
    Settings::new(database)
}

async fn put_if(s3: &S3, key: &str, header: (&str, &str), body: String) -> Result<Reply> {
    s3.on(Method::PUT, "race", key).header(header.0, header.1).body(body).send().await
}

async fn one_of_thirty_two_creators_wins(gateway: &mut TestGateway) -> Result<()> {
    one_creator_wins(&[gateway.root()]).await
}

async fn one_of_thirty_two_creators_at_two_gateways_wins(gateway: &mut TestGateway) -> Result<()> {
    let other = gateway.start_beside().await?;
    one_creator_wins(&[gateway.root(), other.root()]).await?;
    gateway.wait_for_collection().await?;
    other.finish().await
}

/// The racers ask the gateways by turns.
async fn one_creator_wins(gateways: &[S3]) -> Result<()> {
    gateways[0].create_bucket("race").await?;
    for round in 0..number_from_environment("HAULOUT_ROUNDS", 5) {
        let key = format!("round {round}");
        let create = |racer: usize| {
            let s3 = &gateways[racer % gateways.len()];
            put_if(s3, &key, ("if-none-match", "*"), format!("racer {racer}"))
        };
        let replies = join_all((0..RACERS).map(create)).await.into_iter().collect::<Result<Vec<_>>>()?;
        let winners: Vec<_> = (0..RACERS).filter(|racer| replies[*racer].status == 200).collect();
        ensure!(winners.len() == 1, "round {round}: {} winners", winners.len());
        for loser in replies.iter().filter(|reply| reply.status != 200) {
            ensure!(matches!(loser.status, 409 | 412), "a loser was told {}: {}", loser.status, loser.text());
        }
        for s3 in gateways {
            let kept = s3.get("race", &key).await?.ok()?.text();
            ensure!(kept == format!("racer {}", winners[0]), "the winner was {winners:?}, but kept is {kept}");
        }
    }
    Ok(())
}

async fn a_counter_never_loses_a_step(gateway: &mut TestGateway) -> Result<()> {
    const COUNTERS: u64 = 6;
    const STEPS: u64 = 5;
    let s3 = gateway.root();
    s3.create_bucket("race").await?;
    s3.put("race", "counter", "0").await?.ok()?;
    let count = |s3: S3| async move {
        for _ in 0..STEPS {
            loop {
                let now = s3.get("race", "counter").await?.ok()?;
                let next = now.text().parse::<u64>()? + 1;
                let reply = put_if(&s3, "counter", ("if-match", &now.etag()), next.to_string()).await?;
                match reply.status {
                    200 => break,
                    409 | 412 => {}
                    _ => return reply.ok().map(drop),
                }
            }
        }
        Ok(())
    };
    try_join_all((0..COUNTERS).map(|_| count(s3.clone()))).await?;
    let end = s3.get("race", "counter").await?.ok()?.text();
    ensure!(end == (COUNTERS * STEPS).to_string(), "{end}");
    put_if(&s3, "nobody", ("if-match", "\"0123\""), "x".into()).await?.refused(404, "NoSuchKey")
}

async fn a_completed_upload_can_be_too_late(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("race").await?;
    let upload = s3.create_upload("race", "late").await?;
    let etag = s3.put_part("race", "late", &upload, 1, "of the upload".into()).await?;
    s3.put("race", "late", "somebody was faster").await?.ok()?;
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = |condition: &'static str| {
        let request = s3.on(Method::POST, "race", "late").query("uploadId", &upload).body(body.clone());
        if condition.is_empty() { request } else { request.header("if-none-match", condition) }
    };
    complete("*").send().await?.refused(412, "PreconditionFailed")?;
    ensure!(s3.get("race", "late").await?.text() == "somebody was faster");
    complete("").send().await?.ok()?;
    ensure!(s3.get("race", "late").await?.text() == "of the upload");
    Ok(())
}

/// As recorded of Amazon: the condition holds, but not of what was there when the upload began. It has to be begun again.
async fn what_changed_under_an_upload_is_a_conflict(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("race").await?;
    let conflict = |reply: &Reply, condition: &str| {
        reply.refused(409, "ConditionalRequestConflict")?;
        ensure!(reply.text_of("Condition")? == condition && reply.text_of("Key")? == "key", "{}", reply.text());
        Ok(())
    };
    let first = s3.put("race", "key", "content").await?.ok()?.etag();

    let deleted = begin(&s3).await?;
    complete_if(&s3, &deleted, ("if-none-match", "*")).await?.refused(412, "PreconditionFailed")?;
    s3.delete("race", "key").await?.ok()?;
    complete_if(&s3, &deleted, ("if-match", &first)).await?.refused(404, "NoSuchKey")?;
    conflict(&complete_if(&s3, &deleted, ("if-none-match", "*")).await?, "If-None-Match")?;
    complete_if(&s3, &begin(&s3).await?, ("if-none-match", "*")).await?.ok()?;

    s3.put("race", "key", "content").await?.ok()?;
    let replaced = begin(&s3).await?;
    let second = s3.put("race", "key", "other content").await?.ok()?.etag();
    complete_if(&s3, &replaced, ("if-match", &first)).await?.refused(412, "PreconditionFailed")?;
    conflict(&complete_if(&s3, &replaced, ("if-match", &second)).await?, "If-Match")?;
    complete_if(&s3, &begin(&s3).await?, ("if-match", &second)).await?.ok()?;

    // The same bytes are another write.
    s3.put("race", "key", "content").await?.ok()?;
    let repeated = begin(&s3).await?;
    s3.put("race", "key", "content").await?.ok()?;
    conflict(&complete_if(&s3, &repeated, ("if-match", &first)).await?, "If-Match")?;

    // Its tags are no write. And nobody is held to what no condition asks for.
    let tagged = begin(&s3).await?;
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    s3.on(Method::PUT, "race", "key").query("tagging", "").checked(tags).send().await?.ok()?;
    complete_if(&s3, &tagged, ("if-match", &first)).await?.ok()?;
    complete_if(&s3, &repeated, ("x-amz-meta-nothing", "asked")).await?.ok().map(drop)
}

/// An upload of one part: its id and the tag of the part.
async fn begin(s3: &S3) -> Result<(String, String)> {
    let upload = s3.create_upload("race", "key").await?;
    let etag = s3.put_part("race", "key", &upload, 1, "of the upload".into()).await?;
    Ok((upload, etag))
}

async fn complete_if(s3: &S3, (upload, etag): &(String, String), header: (&str, &str)) -> Result<Reply> {
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let request = s3.on(Method::POST, "race", "key").query("uploadId", upload).header(header.0, header.1);
    request.body(body).send().await
}

/// s3fs tells by it that a file was there already.
async fn a_refusal_says_which_condition_did_not_hold(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("race").await?;
    let etag = s3.put("race", "there", "x").await?.ok()?.etag();
    let get = |name: &str, value: &str| s3.on(Method::GET, "race", "there").header(name, value).send();
    let copy = |name: &str, value: &str| {
        s3.on(Method::PUT, "race", "copy").header("x-amz-copy-source", "race/there").header(name, value).send()
    };
    let other = "\"00000000000000000000000000000000\"";
    let long_ago = "Wed, 21 Oct 2015 07:28:00 GMT";
    for (reply, condition) in [
        (put_if(&s3, "there", ("if-none-match", "*"), "y".into()).await?, "If-None-Match"),
        (put_if(&s3, "there", ("if-match", other), "y".into()).await?, "If-Match"),
        (get("if-match", other).await?, "If-Match"),
        (get("if-unmodified-since", long_ago).await?, "If-Unmodified-Since"),
        (copy("x-amz-copy-source-if-match", other).await?, "x-amz-copy-source-If-Match"),
        (copy("x-amz-copy-source-if-none-match", &etag).await?, "x-amz-copy-source-If-None-Match"),
    ] {
        reply.refused(412, "PreconditionFailed")?;
        ensure!(reply.text_of("Condition")? == condition, "{}", reply.text());
    }
    Ok(())
}
