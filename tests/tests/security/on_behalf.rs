//! What the gateway does on somebody's behalf: nobody gets it to list, write or label what he may not list, write or label.

use anyhow::{Result, ensure};
use harness::{Database, Reply, S3, Settings, TestGateway, on_both, wait_until};
use http::Method;

on_both!(written_at_once => logs_go_only_where_whoever_sets_them_up_may_write);
on_both!(inventories_list_and_write_only_what_whoever_sets_them_up_may, copies_are_judged_by_the_tags_they_get,);

const DENIED: &str = "AccessDenied";

fn written_at_once(database: Database) -> Settings {
    Settings::new(database).set("debug", "access_log_seconds = 1")
}

/// A statement that allows something on some resources.
fn allow(actions: &str, resources: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":[{resources}]}}"#)
}

fn deny(actions: &str, resources: &str) -> String {
    allow(actions, resources).replace("Allow", "Deny")
}

async fn put_logging(s3: &S3, prefix: &str) -> Result<Reply> {
    let document = format!(
        "<BucketLoggingStatus><LoggingEnabled><TargetBucket>target</TargetBucket><TargetPrefix>{prefix}</TargetPrefix>\
         </LoggingEnabled></BucketLoggingStatus>"
    );
    s3.request(Method::PUT, "/source").query("logging", "").checked(document).send().await
}

async fn logs_go_only_where_whoever_sets_them_up_may_write(gateway: &mut TestGateway) -> Result<()> {
    let root = gateway.root();
    root.create_bucket("source").await?;
    root.create_bucket("target").await?;
    let set_up = allow(r#""s3:PutBucketLogging","s3:GetBucketLogging""#, r#""arn:aws:s3:::source""#);
    let write = allow(r#""s3:PutObject""#, r#""arn:aws:s3:::target/logs/*""#);
    let bob = root.new_user("bob", &set_up).await?;
    put_logging(&bob, "logs/").await?.refused(403, DENIED)?;
    root.set_user_policy("bob", &format!("{set_up},{write}")).await?;
    put_logging(&bob, "elsewhere/").await?.refused(403, DENIED)?;
    put_logging(&bob, "").await?.refused(403, DENIED)?;
    let shown = bob.request(Method::GET, "/source").query("logging", "").send().await?.ok()?;
    ensure!(!shown.text().contains("LoggingEnabled"), "what was refused was not kept: {}", shown.text());
    put_logging(&bob, "logs/").await?.ok()?;
    // It was set up by somebody who might: it goes on when he is gone.
    root.set_user_policy("bob", &deny(r#""*""#, r#""*""#)).await?;
    root.put("source", "key", "content").await?.ok()?;
    let logs = async || root.list("target", &[("prefix", "logs/")]).await;
    wait_until("a log is written", async || Ok(Some(logs().await?.0).filter(|keys| !keys.is_empty()))).await?;
    Ok(())
}

async fn put_inventory(s3: &S3, versions: &str, filter: &str, fields: &str) -> Result<Reply> {
    let document = format!(
        "<InventoryConfiguration><Destination><S3BucketDestination><Bucket>arn:aws:s3:::target</Bucket><Format>CSV</Format>\
         <Prefix>lists</Prefix></S3BucketDestination></Destination><IsEnabled>true</IsEnabled>\
         <Filter><Prefix>{filter}</Prefix></Filter><Id>all</Id><IncludedObjectVersions>{versions}</IncludedObjectVersions>\
         <OptionalFields>{fields}</OptionalFields><Schedule><Frequency>Daily</Frequency></Schedule></InventoryConfiguration>"
    );
    let request = s3.request(Method::PUT, "/source").query("inventory", "").query("id", "all");
    request.checked(document).send().await
}

async fn inventories_list_and_write_only_what_whoever_sets_them_up_may(gateway: &mut TestGateway) -> Result<()> {
    let root = gateway.root();
    root.create_bucket("source").await?;
    root.create_bucket("target").await?;
    let set_up = allow(r#""s3:PutInventoryConfiguration""#, r#""arn:aws:s3:::source""#);
    let write = allow(r#""s3:PutObject""#, r#""arn:aws:s3:::target/lists/source/all/*""#);
    let list = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::source",
                   "Condition":{"StringLike":{"s3:prefix":"open/*"}}}"#;
    let bob = root.new_user("bob", &set_up).await?;
    let as_bob = async |statements: &[&str]| root.set_user_policy("bob", &statements.join(",")).await;
    put_inventory(&bob, "Current", "open/", "").await?.refused(403, DENIED)?;
    as_bob(&[&set_up, &write]).await?;
    put_inventory(&bob, "Current", "open/", "").await?.refused(403, DENIED)?;
    as_bob(&[&set_up, list]).await?;
    put_inventory(&bob, "Current", "open/", "").await?.refused(403, DENIED)?;
    as_bob(&[&set_up, &write, list]).await?;
    put_inventory(&bob, "Current", "", "").await?.refused(403, DENIED)?;
    put_inventory(&bob, "Current", "secret/", "").await?.refused(403, DENIED)?;
    put_inventory(&bob, "All", "open/", "").await?.refused(403, DENIED)?;
    let no_manifest = deny(r#""s3:PutObject""#, r#""arn:aws:s3:::target/*/manifest.json""#);
    as_bob(&[&set_up, &write, list, &no_manifest]).await?;
    put_inventory(&bob, "Current", "open/", "").await?.refused(403, DENIED)?;
    let plain_columns = r#"{"Effect":"Deny","Action":"s3:PutInventoryConfiguration","Resource":"*",
        "Condition":{"ForAnyValue:StringNotEquals":{"s3:InventoryAccessibleOptionalFields":["Size"]}}}"#;
    as_bob(&[&set_up, &write, list, plain_columns]).await?;
    put_inventory(&bob, "Current", "open/", "<Field>Size</Field><Field>ETag</Field>").await?.refused(403, DENIED)?;
    let listed = root.request(Method::GET, "/source").query("inventory", "").send().await?.ok()?;
    ensure!(!listed.text().contains("<Id>"), "what was refused was not kept: {}", listed.text());
    put_inventory(&bob, "Current", "open/", "<Field>Size</Field>").await?.ok()?;
    put_inventory(&root, "All", "", "<Field>ETag</Field>").await?.ok().map(drop)
}

async fn copies_are_judged_by_the_tags_they_get(gateway: &mut TestGateway) -> Result<()> {
    let root = gateway.root();
    root.create_bucket("source").await?;
    root.create_bucket("target").await?;
    let tagged = |key: &'static str, tags: &'static str| {
        root.on(Method::PUT, "source", key).header("x-amz-tagging", tags).body("content").send()
    };
    tagged("secret", "class=secret").await?.ok()?;
    tagged("open", "class=open").await?.ok()?;
    root.put("source", "plain", "content").await?.ok()?;
    let all = allow(r#""s3:GetObject*","s3:PutObject","s3:PutObjectTagging""#, r#""*""#);
    let no_secret = r#"{"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::target/*",
                        "Condition":{"StringEquals":{"s3:RequestObjectTag/class":"secret"}}}"#;
    let bob = root.new_user("bob", &format!("{all},{no_secret}")).await?;
    let copy = |from: &str, headers: &[(&str, &str)]| {
        let request = bob.on(Method::PUT, "target", "copy").header("x-amz-copy-source", format!("/source/{from}"));
        headers.iter().fold(request, |request, (name, value)| request.header(name, *value)).send()
    };
    copy("secret", &[]).await?.refused(403, DENIED)?;
    let open = ("x-amz-tagging", "class=open");
    copy("secret", &[open]).await?.refused(403, DENIED)?;
    copy("secret", &[open, ("x-amz-tagging-directive", "COPY")]).await?.refused(403, DENIED)?;
    copy("secret", &[open, ("x-amz-tagging-directive", "REPLACE")]).await?.ok()?;
    let secret = ("x-amz-tagging", "class=secret");
    copy("open", &[secret, ("x-amz-tagging-directive", "REPLACE")]).await?.refused(403, DENIED)?;
    copy("open", &[secret]).await?.ok()?;
    let tags = root.on(Method::GET, "target", "copy").query("tagging", "").send().await?.ok()?;
    ensure!(
        tags.text().contains("open") && !tags.text().contains("secret"),
        "the header counts for nothing: {}",
        tags.text()
    );
    copy("plain", &[]).await?.ok().map(drop)
}
