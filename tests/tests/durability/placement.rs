//! Buckets with placement rules: six folders in three zones, and slivers only where the rules want them, whatever happens.

use anyhow::{Result, ensure};
use harness::{Database, Payload, S3, Settings, TestGateway, on_both, wait_until};
use http::Method;

on_both!(zones =>
    slivers_stay_within_the_rule_of_their_bucket,
    a_rule_that_comes_later_moves_what_lies_outside,
    rules_are_tried_and_refused_before_they_do_harm,
);

/// b1 and b2 stand in zone a, b3 and b4 in b, b5 and b6 in c. A blob has three slivers.
fn zones(database: Database) -> Settings {
    let settings = Settings::new(database).scheme("rs-2-1");
    let places = [("b1", "a"), ("b2", "a"), ("b3", "b"), ("b4", "b"), ("b5", "c"), ("b6", "c")];
    places.into_iter().fold(settings, |settings, (backend, zone)| settings.zone(backend, zone))
}

fn payload(number: usize) -> Payload {
    let len = [1, 4_096, 300_000, 2_500_000][number % 4];
    Payload::new(&number.to_string(), 1, len)
}

async fn write(s3: &S3, bucket: &str, numbers: std::ops::Range<usize>) -> Result<()> {
    for number in numbers {
        s3.put(bucket, &number.to_string(), payload(number).bytes()).await?.ok()?;
    }
    Ok(())
}

async fn read(s3: &S3, bucket: &str, numbers: std::ops::Range<usize>) -> Result<()> {
    for number in numbers {
        let reply = s3.get(bucket, &number.to_string()).await?.ok()?;
        ensure!(reply.body == payload(number).bytes(), "object {number} of {bucket} came back wrong");
    }
    Ok(())
}

/// Slivers in zone c.
fn in_c(gateway: &TestGateway) -> Result<usize> {
    Ok(gateway.slivers_of(5)?.len() + gateway.slivers_of(6)?.len())
}

async fn slivers_stay_within_the_rule_of_their_bucket(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    for bucket in ["ruled", "free"] {
        s3.create_bucket(bucket).await?;
    }
    let set = gateway.haulout(&["bucket", "placement", "ruled", "--zones", "a,b"]).ok().await?;
    ensure!(set.contains("ruled: zones a,b") && set.contains("rs-2-1: all 3 of 3 slivers find a place"), "{set}");

    write(&s3, "ruled", 0..12).await?;
    let upload = s3.create_upload("ruled", "parts").await?;
    let part = s3.put_part("ruled", "parts", &upload, 1, payload(3).bytes()).await?;
    s3.complete("ruled", "parts", &upload, &[(1, part)]).await?.ok()?;
    ensure!(in_c(gateway)? == 0, "nothing of the bucket lies in zone c");
    // Both at once, so that small objects would share a quilt if they might.
    let (ruled, free) = tokio::join!(write(&s3, "ruled", 12..24), write(&s3, "free", 0..12));
    ruled.and(free)?;
    let free = in_c(gateway)?;
    ensure!(free > 0, "what has no rule lies anywhere");
    // A copy would share the source's bytes, were they allowed to be where they are.
    for number in 0..4 {
        let copy = s3.on(Method::PUT, "ruled", &format!("copy-{number}"));
        copy.header("x-amz-copy-source", format!("/free/{number}")).send().await?.ok()?;
    }
    for number in 0..12 {
        s3.delete("free", &number.to_string()).await?.ok()?;
    }
    gateway.wait_for_collection().await?;
    wait_until("only the free bucket had anything in zone c", async || Ok((in_c(gateway)? == 0).then_some(()))).await?;
    for number in 0..4 {
        let copy = s3.get("ruled", &format!("copy-{number}")).await?.ok()?;
        ensure!(copy.body == payload(number).bytes(), "copy {number} came back wrong");
    }

    // A backend of the rule's zones is lost: repair finds places in them and nowhere else.
    gateway.destroy(1)?;
    gateway.reconfigure(|settings| settings.without_backend("b1"))?;
    gateway.restart()?;
    gateway.haulout(&["backend", "remove", "b1", "--lost"]).run().await?;
    gateway.wait_for_repair().await?;
    ensure!(in_c(gateway)? == 0, "nothing was rebuilt in zone c");
    read(&s3, "ruled", 0..24).await?;
    // Without a second one there are too few: a write waits for better times, and other buckets do not.
    gateway.take_away(2)?;
    let refused = s3.put("ruled", "late", payload(0).bytes()).await?;
    ensure!(refused.status == 503, "{}", refused.status);
    s3.put("free", "late", payload(0).bytes()).await?.ok()?;
    ensure!(in_c(gateway)? > 0, "the free one went on");
    read(&s3, "ruled", 0..24).await?;
    gateway.bring_back(2)?;
    gateway.wait_for_backends().await?;
    s3.put("ruled", "late", payload(0).bytes()).await?.ok()?;

    let cleared = gateway.haulout(&["bucket", "placement", "ruled", "--clear"]).ok().await?;
    ensure!(cleared.contains("no placement rule"), "{cleared}");
    let before = in_c(gateway)?;
    write(&s3, "ruled", 24..36).await?;
    ensure!(in_c(gateway)? > before, "without a rule they lie anywhere");
    read(&s3, "ruled", 0..36).await?;
    gateway.wait_for_repair().await
}

async fn a_rule_that_comes_later_moves_what_lies_outside(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    for bucket in ["east", "west"] {
        s3.create_bucket(bucket).await?;
    }
    // Copies share their bytes as long as no rule is in the way, so that both buckets have something in the same blobs.
    write(&s3, "east", 0..12).await?;
    for number in 0..12 {
        let copy = s3.on(Method::PUT, "west", &number.to_string());
        copy.header("x-amz-copy-source", format!("/east/{number}")).send().await?.ok()?;
    }
    let upload = s3.create_upload("east", "parts").await?;
    let part = s3.put_part("east", "parts", &upload, 1, payload(3).bytes()).await?;
    ensure!(in_c(gateway)? > 0, "something lies in zone c");

    gateway.haulout(&["bucket", "placement", "east", "--exclude", "c"]).ok().await?;
    wait_until("nothing lies in zone c", async || Ok((in_c(gateway)? == 0).then_some(()))).await?;
    read(&s3, "east", 0..12).await?;
    read(&s3, "west", 0..12).await?;
    s3.complete("east", "parts", &upload, &[(1, part)]).await?.ok()?;

    // The other bucket wants what the first excludes: no place is right for both, so what they share is divided.
    gateway.haulout(&["bucket", "placement", "west", "--exclude", "b1,b2,b3"]).ok().await?;
    gateway.wait_for_log("content under different placement rules no longer shares a blob").await?;
    // Three large objects and at least one quilt, with a sliver on each of the three backends that are left.
    let divided = async || {
        let (fifth, sixth) = (gateway.slivers_of(5)?.len(), gateway.slivers_of(6)?.len());
        Ok((fifth >= 4 && fifth == sixth).then_some(()))
    };
    wait_until("the second bucket has bytes of its own", divided).await?;
    read(&s3, "east", 0..12).await?;
    for number in 0..12 {
        s3.delete("east", &number.to_string()).await?.ok()?;
    }
    s3.delete("east", "parts").await?.ok()?;
    let all_in_west = async || {
        gateway.haulout(&["collect"]).ok().await?;
        let elsewhere: usize =
            (1..=3).map(|number| gateway.slivers_of(number).map(|all| all.len())).sum::<Result<usize>>()?;
        Ok((elsewhere == 0).then_some(()))
    };
    wait_until("the second bucket lies within its rule", all_in_west).await?;
    read(&s3, "west", 0..12).await?;
    gateway.wait_for_repair().await
}

async fn rules_are_tried_and_refused_before_they_do_harm(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("ruled").await?;
    let evaluated = gateway.haulout(&["placement", "evaluate", "--zones", "a"]).fails().await?;
    for said in ["zone b is not among the rule's", "every write is refused", "2 of 6 backends qualify", "allow zone b"]
    {
        ensure!(evaluated.contains(said), "{said} is missing: {evaluated}");
    }
    let json = gateway.haulout(&["placement", "evaluate", "--residency", "a", "--json"]).run().await?;
    ensure!(json.code == 1 && json.stdout.contains("\"no_residency\""), "{}", json.stdout);
    let fine = gateway.haulout(&["placement", "evaluate", "--exclude", "b1,c"]).ok().await?;
    ensure!(fine.contains("b1 is excluded") && fine.contains("survives the loss of 1"), "{fine}");

    let refused = gateway.haulout(&["bucket", "placement", "ruled", "--zones", "a"]).fails().await?;
    ensure!(refused.contains("rs-2-1 needs 3") && refused.contains("allow zone b"), "{refused}");
    let typing_error = gateway.haulout(&["bucket", "placement", "ruled", "--zones", "a,bb"]).fails().await?;
    ensure!(typing_error.contains("is named \"bb\""), "{typing_error}");
    gateway.haulout(&["bucket", "placement", "nobodys", "--zones", "a,b"]).fails().await?;
    let shown = gateway.haulout(&["bucket", "placement", "ruled"]).ok().await?;
    ensure!(shown.contains("no placement rule"), "nothing was set: {shown}");

    // The rule needs each of its three backends: none of them can be drained, and others can.
    gateway.haulout(&["bucket", "placement", "ruled", "--exclude", "c,b1"]).ok().await?;
    s3.put("ruled", "one", payload(3).bytes()).await?.ok()?;
    let drain = gateway.haulout(&["backend", "drain", "b2"]).fails().await?;
    ensure!(drain.contains("would find no place") || drain.contains("in bucket ruled"), "{drain}");
    gateway.haulout(&["backend", "drain", "b1"]).ok().await?;
    gateway.haulout(&["backend", "drain", "b1", "--cancel"]).ok().await?;
    gateway.wait_for_repair().await
}
