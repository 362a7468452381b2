//! Several users: what one owns, the others cannot touch, and nobody without a key can do anything.

use anyhow::{Context, Result, ensure};
use harness::{Database, S3, Settings, TestGateway, on_both, send_raw, wait_until};
use http::Method;

on_both!(
    what_one_owns_the_others_cannot_touch,
    a_removed_user_is_out,
    a_wrong_secret_opens_nothing,
    the_name_of_a_deleted_bucket_is_held,
);
on_both!(without_holds => names_are_free_at_once_where_the_operator_says_so);

fn without_holds(database: Database) -> Settings {
    Settings::new(database).set("s3", "bucket_name_hold_seconds = 0")
}

async fn add(gateway: &TestGateway, name: &str) -> Result<S3> {
    let secret = format!("the-secret-of-{name}-0123456789");
    gateway
        .haulout(&["user", "add", name, "--access-key", &format!("KEY{name}"), "--secret-key", &secret])
        .ok()
        .await?;
    Ok(gateway.user(&format!("KEY{name}"), &secret))
}

async fn what_one_owns_the_others_cannot_touch(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob, root) = (add(gateway, "alice").await?, add(gateway, "bob").await?, gateway.root());
    alice.create_bucket("hers").await?;
    bob.create_bucket("his").await?;
    alice.put("hers", "letter", "to nobody").await?.ok()?;
    bob.put("his", "own", "mine").await?.ok()?;
    let upload = alice.create_upload("hers", "big").await?;

    let denied = "AccessDenied";
    bob.get("hers", "letter").await?.refused(403, denied)?;
    bob.head("hers", "letter").await?.refused(403, denied)?;
    bob.get("hers", "no such letter").await?.refused(403, denied)?;
    bob.put("hers", "letter", "forged").await?.refused(403, denied)?;
    bob.delete("hers", "letter").await?.refused(403, denied)?;
    bob.request(Method::GET, "/hers").query("list-type", "2").send().await?.refused(403, denied)?;
    bob.request(Method::HEAD, "/hers").send().await?.refused(403, denied)?;
    bob.request(Method::DELETE, "/hers").send().await?.refused(403, denied)?;
    bob.request(Method::GET, "/hers").query("uploads", "").send().await?.refused(403, denied)?;
    let part = bob.on(Method::PUT, "hers", "big").query("partNumber", "1").query("uploadId", &upload);
    part.body("x").send().await?.refused(403, denied)?;
    let steal = bob.on(Method::PUT, "his", "stolen").header("x-amz-copy-source", "/hers/letter");
    steal.send().await?.refused(403, denied)?;
    let plant = bob.on(Method::PUT, "hers", "planted").header("x-amz-copy-source", "/his/own");
    plant.send().await?.refused(403, denied)?;

    bob.request(Method::PUT, "/hers").send().await?.refused(409, "BucketAlreadyExists")?;
    ensure!(names_of_buckets(&alice).await? == ["hers"], "a list shows only one's own");
    ensure!(names_of_buckets(&bob).await? == ["his"]);
    ensure!(root.get("hers", "letter").await?.ok()?.text() == "to nobody", "root may all");
    ensure!(alice.get("hers", "letter").await?.ok()?.text() == "to nobody", "nothing changed");

    let anonymous =
        send_raw(gateway.address(), b"GET /hers/letter HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await?;
    ensure!(anonymous.status() == Some(403), "{}", anonymous.text);
    alice.on(Method::DELETE, "hers", "big").query("uploadId", &upload).send().await?.ok()?;
    Ok(())
}

async fn names_of_buckets(s3: &S3) -> Result<Vec<String>> {
    let text = s3.request(Method::GET, "/").send().await?.ok()?.text();
    let (_, buckets) = text.split_once("<Buckets>").context("a list of buckets")?;
    Ok(buckets.split("<Name>").skip(1).filter_map(|part| part.split('<').next()).map(str::to_owned).collect())
}

async fn a_removed_user_is_out(gateway: &mut TestGateway) -> Result<()> {
    let carol = add(gateway, "carol").await?;
    carol.create_bucket("kept").await?;
    let kept = gateway.haulout(&["user", "remove", "carol"]).fails().await?;
    ensure!(kept.contains("bucket"), "a user who owns buckets stays: {kept}");
    carol.request(Method::DELETE, "/kept").send().await?.ok()?;
    gateway.haulout(&["user", "remove", "carol"]).ok().await?;
    // Another gateway may cache a key for a few seconds; the one that removed it does not.
    let refused = wait_until("the key is refused", async || {
        Ok(Some(carol.request(Method::GET, "/").send().await?).filter(|reply| reply.status == 403))
    });
    refused.await?.refused(403, "InvalidAccessKeyId")
}

async fn a_wrong_secret_opens_nothing(gateway: &mut TestGateway) -> Result<()> {
    let (access_key, _) = gateway.root_keys();
    let wrong = gateway.user(access_key, "not-the-secret-key");
    wrong.request(Method::GET, "/").send().await?.refused(403, "SignatureDoesNotMatch")?;
    wrong.put("any", "thing", "x").await?.refused(403, "SignatureDoesNotMatch")?;
    let nobody = gateway.user("NOBODYKNOWSME", "not-the-secret-key");
    nobody.request(Method::GET, "/").send().await?.refused(403, "InvalidAccessKeyId")
}

/// Whoever took it at once would get what others go on sending there.
async fn the_name_of_a_deleted_bucket_is_held(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    let make = async |user: &S3| user.request(Method::PUT, "/theirs").send().await;
    alice.create_bucket("theirs").await?;
    alice.request(Method::DELETE, "/theirs").send().await?.ok()?;
    make(&bob).await?.refused(409, "BucketAlreadyExists")?;
    gateway.restart()?;
    make(&bob).await?.refused(409, "BucketAlreadyExists")?;
    ensure!(names_of_buckets(&bob).await?.is_empty());
    bob.put("theirs", "key", "content").await?.refused(404, "NoSuchBucket")?;
    make(&alice).await?.ok()?;
    make(&bob).await?.refused(409, "BucketAlreadyExists")
}

async fn names_are_free_at_once_where_the_operator_says_so(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    alice.create_bucket("theirs").await?;
    alice.request(Method::DELETE, "/theirs").send().await?.ok()?;
    bob.create_bucket("theirs").await
}
