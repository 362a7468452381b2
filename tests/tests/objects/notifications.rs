//! Changes are reported to webhooks: at least once, in order for each key, never to addresses inside unless that is allowed.

use anyhow::{Result, ensure};
use base64::Engine;
use harness::{Database, Receiver, S3, Settings, TestGateway, on_both, on_sqlite, send_raw, with_webhook};
use http::Method;
use md5::Digest;
use serde_json::Value;
use tokio::net::TcpListener;

on_both!(
    changes_are_told_in_order_and_again_after_a_refusal,
    what_is_said_of_versions_is_told,
    every_way_in_and_out_is_told,
    renames_and_appends_are_reported
);
on_both!(short_days => lifecycle_actions_are_reported);
on_sqlite!(
    no_address_inside_is_told_unless_that_is_allowed,
    a_target_that_is_away_is_told_after_a_restart,
    a_target_that_never_answers_holds_up_no_other
);
on_both!(a_target_is_for_the_accounts_it_names);

async fn configure(s3: &S3, events: &[&str], filter: &str) -> Result<()> {
    let events: String = events.iter().map(|event| format!("<Event>{event}</Event>")).collect();
    let document = format!(
        "<NotificationConfiguration><QueueConfiguration><Id>rule</Id><Queue>arn:haulout:sqs:us-east-1:1:hook</Queue>\
         {events}{filter}</QueueConfiguration></NotificationConfiguration>"
    );
    set(s3, "notification", &document).await
}

/// Puts a document about the bucket.
async fn set(s3: &S3, what: &str, document: &str) -> Result<()> {
    let digest = base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(document.as_bytes()));
    let request = s3.on(Method::PUT, "told", "").query(what, "").header("content-md5", digest);
    request.body(document.to_owned()).send().await?.ok().map(drop)
}

/// A gateway with short days and a bucket with notifications of every change.
async fn notified_of_everything(gateway: &mut TestGateway) -> Result<(Receiver, S3)> {
    let receiver = Receiver::start(0).await?;
    gateway.reconfigure(|settings| with_webhook(settings, receiver.address(), true))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket("told").await?;
    let ownership =
        "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    set(&s3, "ownershipControls", ownership).await?;
    let events = [
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:ObjectTagging:*",
        "s3:ObjectAcl:Put",
        "s3:LifecycleTransition",
        "s3:LifecycleExpiration:*",
    ];
    configure(&s3, &events, "").await?;
    receiver.wait_for(1).await?;
    Ok((receiver, s3))
}

/// The records about a key, after the test message.
async fn records(receiver: &Receiver, all: usize, key: &str) -> Result<Vec<Value>> {
    let received = receiver.wait_for(all + 1).await?;
    let records = received.iter().filter_map(|message| message["Records"].get(0).cloned());
    Ok(records.filter(|record| record["s3"]["object"]["key"] == key).collect())
}

/// What happened to a key, as `event size version`, with a dash for what is not said.
async fn summary_of(receiver: &Receiver, all: usize, key: &str) -> Result<Vec<String>> {
    let shown = |record: &Value| {
        let object = &record["s3"]["object"];
        let size = object["size"].as_u64().map_or_else(|| "-".to_owned(), |size| size.to_string());
        let version = object["versionId"].as_str().unwrap_or("-");
        format!("{} {size} {version}", record["eventName"].as_str().unwrap_or_default())
    };
    Ok(records(receiver, all, key).await?.iter().map(shown).collect())
}

fn tagging(value: &str) -> String {
    format!("<Tagging><TagSet><Tag><Key>k</Key><Value>{value}</Value></Tag></TagSet></Tagging>")
}

fn short_days(database: Database) -> Settings {
    let settings = Settings::new(database).set("debug", "lifecycle_day_seconds = 2");
    settings.set("storage_class.GLACIER", "scheme = \"rs-2-1\"")
}

async fn changes_are_told_in_order_and_again_after_a_refusal(gateway: &mut TestGateway) -> Result<()> {
    let receiver = Receiver::start(2).await?;
    gateway.reconfigure(|settings| with_webhook(settings, receiver.address(), true))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket("told").await?;
    let filter = "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule></S3Key></Filter>";
    configure(&s3, &["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"], filter).await?;
    let test = &receiver.wait_for(1).await?[0];
    ensure!(test["Event"] == "s3:TestEvent" && test["Bucket"] == "told", "{test}");
    for content in ["one", "two", "three"] {
        s3.put("told", "in/a b", content).await?.ok()?;
    }
    s3.put("told", "out/a", "untold").await?.ok()?;
    s3.delete("told", "in/a b").await?.ok()?;
    let upload = s3.create_upload("told", "in/parts").await?;
    let part = s3.put_part("told", "in/parts", &upload, 1, "part".into()).await?;
    s3.complete("told", "in/parts", &upload, &[(1, part)]).await?.ok()?;
    let received = receiver.wait_for(6).await?;
    let of = |key: &str| -> Vec<&Value> {
        let records = received[1..].iter().filter_map(|message| message["Records"].get(0));
        records.filter(|record| record["s3"]["object"]["key"] == key).collect()
    };
    let names: Vec<_> = of("in/a+b").iter().map(|record| record["eventName"].as_str().unwrap_or_default()).collect();
    let put = "ObjectCreated:Put";
    ensure!(names == [put, put, put, "ObjectRemoved:Delete"], "{names:?}");
    let sizes: Vec<_> = of("in/a+b").iter().map(|record| record["s3"]["object"]["size"].as_u64()).collect();
    ensure!(sizes == [Some(3), Some(3), Some(5), None], "{sizes:?}");
    let order: Vec<_> = of("in/a+b").iter().map(|record| record["s3"]["object"]["sequencer"].to_string()).collect();
    ensure!(order.is_sorted(), "{order:?}");
    ensure!(of("in/parts")[0]["eventName"] == "ObjectCreated:CompleteMultipartUpload");
    ensure!(of("in/parts")[0]["s3"]["configurationId"] == "rule" && of("out/a").is_empty());
    let shown = s3.on(Method::GET, "told", "").query("notification", "").send().await?.ok()?;
    ensure!(String::from_utf8_lossy(&shown.body).contains("<Queue>arn:haulout:sqs:us-east-1:1:hook</Queue>"));
    Ok(())
}

async fn no_address_inside_is_told_unless_that_is_allowed(gateway: &mut TestGateway) -> Result<()> {
    let receiver = Receiver::start(0).await?;
    gateway.reconfigure(|settings| with_webhook(settings, receiver.address(), false))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket("told").await?;
    configure(&s3, &["s3:ObjectCreated:*"], "").await?;
    s3.put("told", "key", "content").await?.ok()?;
    // It has tried, and says why it sent nothing.
    let log = gateway.wait_for_log("its address is private").await?;
    ensure!(receiver.received().is_empty(), "{:?}", receiver.received());
    ensure!(!log.contains("Token of the test"), "it keeps the secret");
    Ok(())
}

async fn a_target_that_is_away_is_told_after_a_restart(gateway: &mut TestGateway) -> Result<()> {
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await?;
    let away = nobody.local_addr()?;
    drop(nobody);
    gateway.reconfigure(|settings| with_webhook(settings, away, true))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket("told").await?;
    configure(&s3, &["s3:ObjectCreated:*"], "").await?;
    s3.put("told", "key", "content").await?.ok()?;
    let receiver = Receiver::start(0).await?;
    gateway.kill();
    gateway.reconfigure(|settings| with_webhook(settings, receiver.address(), true))?;
    gateway.restart()?;
    let received = receiver.wait_for(2).await?;
    ensure!(received.iter().any(|message| message["Records"][0]["eventName"] == "ObjectCreated:Put"), "{received:?}");
    Ok(())
}

async fn say(s3: &S3, method: Method, key: &str, what: &str, body: String, version: Option<&str>) -> Result<()> {
    let digest = base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(body.as_bytes()));
    let mut request = s3.on(method, "told", key).query(what, "");
    if let Some(version) = version {
        request = request.query("versionId", version);
    }
    request.header("content-md5", digest).body(body).send().await?.ok().map(drop)
}

async fn what_is_said_of_versions_is_told(gateway: &mut TestGateway) -> Result<()> {
    let (receiver, s3) = notified_of_everything(gateway).await?;
    s3.put("told", "plain", "content").await?.ok()?;
    for value in ["a", "a", "b"] {
        say(&s3, Method::PUT, "plain", "tagging", tagging(value), None).await?;
    }
    for _ in 0..2 {
        say(&s3, Method::DELETE, "plain", "tagging", String::new(), None).await?;
    }
    for list in ["public-read", "public-read", "private"] {
        s3.on(Method::PUT, "told", "plain").query("acl", "").header("x-amz-acl", list).send().await?.ok()?;
    }
    let missing = s3.on(Method::DELETE, "told", "none").query("tagging", "").send().await?;
    missing.refused(404, "NoSuchKey")?;
    let (tagged, listed) = ("ObjectTagging:Put 7 -", "ObjectAcl:Put 7 -");
    let expected = ["ObjectCreated:Put 7 -", tagged, tagged, tagged, "ObjectTagging:Delete 7 -", listed, listed];
    ensure!(summary_of(&receiver, 7, "plain").await? == expected, "{:?}", summary_of(&receiver, 7, "plain").await?);
    let record = &records(&receiver, 7, "plain").await?[1];
    ensure!(record["eventVersion"] == "2.3" && record["s3"]["object"]["eTag"].as_str().is_some(), "{record}");
    ensure!(record["userIdentity"]["principalId"].as_str().is_some_and(|principal| !principal.is_empty()), "{record}");

    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    set(&s3, "versioning", enabled).await?;
    let first = s3.put("told", "many", "one").await?.ok()?.header("x-amz-version-id").to_owned();
    let second = s3.put("told", "many", "twice").await?.ok()?.header("x-amz-version-id").to_owned();
    say(&s3, Method::PUT, "many", "tagging", tagging("a"), Some(&first)).await?;
    say(&s3, Method::PUT, "many", "tagging", tagging("a"), None).await?;
    say(&s3, Method::PUT, "plain", "tagging", tagging("c"), Some("null")).await?;
    let expected = [
        format!("ObjectCreated:Put 3 {first}"),
        format!("ObjectCreated:Put 5 {second}"),
        format!("ObjectTagging:Put 3 {first}"),
        format!("ObjectTagging:Put 5 {second}"),
    ];
    ensure!(summary_of(&receiver, 12, "many").await? == expected, "{:?}", summary_of(&receiver, 12, "many").await?);
    let last = summary_of(&receiver, 12, "plain").await?.pop();
    ensure!(last.as_deref() == Some("ObjectTagging:Put 7 null"), "{last:?}");
    Ok(())
}

/// Posts a form that carries no signature into a bucket that everybody may write to.
async fn post_form(gateway: &TestGateway, s3: &S3) -> Result<()> {
    let policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\
                  \"Action\":\"s3:PutObject\",\"Resource\":\"arn:aws:s3:::told/posted\"}]}";
    set(s3, "policy", policy).await?;
    let form = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nposted\r\n\
                --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ncontent\r\n--b--\r\n";
    let head = format!(
        "POST /told HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=b\r\n\
         content-length: {}\r\n\r\n{form}",
        gateway.address(),
        form.len()
    );
    let reply = send_raw(gateway.address(), head.as_bytes()).await?;
    ensure!(reply.status() == Some(204), "{}", reply.text);
    Ok(())
}

async fn delete_many(s3: &S3, objects: &[(&str, Option<&str>)]) -> Result<()> {
    let version = |version: &Option<&str>| version.map(|id| format!("<VersionId>{id}</VersionId>")).unwrap_or_default();
    let object = |(key, id): &(&str, Option<&str>)| format!("<Object><Key>{key}</Key>{}</Object>", version(id));
    let document = format!("<Delete>{}</Delete>", objects.iter().map(object).collect::<String>());
    let digest = base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(document.as_bytes()));
    let request = s3.request(Method::POST, "/told").query("delete", "").header("content-md5", digest);
    request.body(document).send().await?.ok().map(drop)
}

async fn every_way_in_and_out_is_told(gateway: &mut TestGateway) -> Result<()> {
    let (receiver, s3) = notified_of_everything(gateway).await?;
    s3.put("told", "put", "content").await?.ok()?;
    post_form(gateway, &s3).await?;
    let copy = |to: &str, headers: &[(&str, &str)]| {
        let request = s3.on(Method::PUT, "told", to).header("x-amz-copy-source", "/told/put");
        headers.iter().fold(request, |request, (name, value)| request.header(name, *value))
    };
    copy("copied", &[]).send().await?.ok()?;
    let upload = s3.create_upload("told", "parts").await?;
    let part = s3.put_part("told", "parts", &upload, 1, "part".into()).await?;
    s3.complete("told", "parts", &upload, &[(1, part)]).await?.ok()?;
    delete_many(&s3, &[("copied", None), ("none", None)]).await?;
    s3.delete("told", "none").await?.ok()?;
    s3.delete("told", "put").await?.ok()?;
    for (key, expected) in [
        ("put", &["ObjectCreated:Put 7 -", "ObjectRemoved:Delete - -"][..]),
        ("posted", &["ObjectCreated:Post 7 -"]),
        ("copied", &["ObjectCreated:Copy 7 -", "ObjectRemoved:Delete - -"]),
        ("parts", &["ObjectCreated:CompleteMultipartUpload 4 -"]),
        ("none", &[]),
    ] {
        let summary = summary_of(&receiver, 6, key).await?;
        ensure!(summary == expected, "{key}: {summary:?}");
    }
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    set(&s3, "versioning", enabled).await?;
    let id = s3.put("told", "kept", "content").await?.ok()?.header("x-amz-version-id").to_owned();
    let marker = s3.delete("told", "kept").await?.ok()?.header("x-amz-version-id").to_owned();
    delete_many(&s3, &[("kept", Some(&id))]).await?;
    s3.on(Method::DELETE, "told", "kept").query("versionId", &marker).send().await?.ok()?;
    delete_many(&s3, &[("posted", None)]).await?;
    let expected = [
        format!("ObjectCreated:Put 7 {id}"),
        format!("ObjectRemoved:DeleteMarkerCreated - {marker}"),
        format!("ObjectRemoved:Delete - {id}"),
        format!("ObjectRemoved:Delete - {marker}"),
    ];
    let summary = summary_of(&receiver, 11, "kept").await?;
    ensure!(summary == expected, "{summary:?}");
    let summary = summary_of(&receiver, 11, "posted").await?;
    ensure!(summary.len() == 2 && summary[1].starts_with("ObjectRemoved:DeleteMarkerCreated - "), "{summary:?}");
    Ok(())
}

async fn renames_and_appends_are_reported(gateway: &mut TestGateway) -> Result<()> {
    let (receiver, s3) = notified_of_everything(gateway).await?;
    let append = async |offset: &str, content: &'static str| {
        s3.on(Method::PUT, "told", "log").header("x-amz-write-offset-bytes", offset).body(content).send().await
    };
    append("0", "first").await?.ok()?;
    append("5", "second").await?.ok()?;
    append("5", "late").await?.refused(400, "InvalidWriteOffset")?;
    let whole = s3.head("told", "log").await?.ok()?.etag();
    let rename = async |to: &str| {
        let request = s3.on(Method::PUT, "told", to).query("renameObject", "");
        request.header("x-amz-rename-source", "log").header("if-none-match", "*").send().await
    };
    s3.put("told", "taken", "content").await?.ok()?;
    rename("taken").await?.refused(412, "PreconditionFailed")?;
    rename("done/log").await?.ok()?;
    let summary = summary_of(&receiver, 5, "log").await?;
    ensure!(summary == ["ObjectCreated:Put 5 -", "ObjectCreated:Put 11 -", "ObjectRemoved:Delete - -"], "{summary:?}");
    ensure!(summary_of(&receiver, 5, "done/log").await? == ["ObjectCreated:Put 11 -"]);
    for record in [&records(&receiver, 5, "log").await?[1], &records(&receiver, 5, "done/log").await?[0]] {
        ensure!(record["s3"]["object"]["eTag"] == whole.trim_matches('"'), "{record} {whole}");
    }
    Ok(())
}

async fn lifecycle_actions_are_reported(gateway: &mut TestGateway) -> Result<()> {
    let (receiver, s3) = notified_of_everything(gateway).await?;
    s3.put("told", "old/a", "content").await?.ok()?;
    s3.put("told", "cold/a", vec![7; 200_000]).await?.ok()?;
    let rule = |prefix: &str, action: &str| {
        format!(
            "<Rule><ID>{prefix}</ID><Filter><Prefix>{prefix}</Prefix></Filter><Status>Enabled</Status>{action}</Rule>"
        )
    };
    let expire = rule("old/", "<Expiration><Days>1</Days></Expiration>");
    let transition = rule("cold/", "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>");
    let rules = format!("<LifecycleConfiguration>{expire}{transition}</LifecycleConfiguration>");
    set(&s3, "lifecycle", &rules).await?;
    let expired = summary_of(&receiver, 4, "old/a").await?;
    ensure!(expired == ["ObjectCreated:Put 7 -", "LifecycleExpiration:Delete - -"], "{expired:?}");
    let moved = summary_of(&receiver, 4, "cold/a").await?;
    ensure!(moved == ["ObjectCreated:Put 200000 -", "LifecycleTransition 200000 -"], "{moved:?}");
    let record = &records(&receiver, 4, "cold/a").await?[1];
    let class = &record["lifecycleEventData"]["transitionEventData"]["destinationStorageClass"];
    ensure!(class == "GLACIER" && record["eventVersion"] == "2.3", "{record}");
    ensure!(record["userIdentity"]["principalId"] == "s3.amazonaws.com", "{record}");

    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    set(&s3, "versioning", enabled).await?;
    let id = s3.put("told", "old/b", "content").await?.ok()?.header("x-amz-version-id").to_owned();
    let summary = summary_of(&receiver, 6, "old/b").await?;
    ensure!(summary[0] == format!("ObjectCreated:Put 7 {id}"), "{summary:?}");
    let marked = summary.get(1).and_then(|line| line.strip_prefix("LifecycleExpiration:DeleteMarkerCreated - "));
    ensure!(marked.is_some_and(|marker| marker.len() == id.len() && marker != id), "{summary:?}");
    // One more expires, in a later round over all keys: what that round reported again would have come before it.
    s3.put("told", "old/c", "content").await?.ok()?;
    ensure!(summary_of(&receiver, 8, "old/c").await?.len() == 2, "it expired");
    ensure!(receiver.received().len() == 9, "nothing is reported twice: {:?}", receiver.received());
    Ok(())
}

/// The operator's `Authorization` goes only with what the accounts cause that the target is for; when it is set up and after.
async fn a_target_is_for_the_accounts_it_names(gateway: &mut TestGateway) -> Result<()> {
    let receiver = Receiver::start(0).await?;
    let added = gateway.haulout(&["user", "add", "anna", "--json"]).ok().await?;
    let added: Value = serde_json::from_str(&added)?;
    let text = |field: &str| added[field].as_str().unwrap_or_default().to_owned();
    let for_accounts = |gateway: &mut TestGateway, accounts: &str| {
        gateway.reconfigure(|settings| {
            let settings = with_webhook(settings, receiver.address(), true);
            settings.set("[notification_target]", &format!("accounts = [{accounts}]"))
        })?;
        gateway.restart()
    };
    let (anna, number) = (gateway.user(&text("access_key"), &text("secret_key")), format!("\"{}\"", text("account")));
    for_accounts(gateway, "\"000000000099\"")?;
    anna.create_bucket("told").await?;
    let refused = configure(&anna, &["s3:ObjectCreated:*"], "").await.expect_err("it is for another account");
    ensure!(format!("{refused:#}").contains("Unable to validate the following destination"), "{refused:#}");
    for_accounts(gateway, &number)?;
    configure(&anna, &["s3:ObjectCreated:*"], "").await?;
    anna.put("told", "first", "content").await?.ok()?;
    receiver.wait_for(2).await?;
    for_accounts(gateway, "\"000000000099\"")?;
    anna.put("told", "second", "content").await?.ok()?;
    gateway.wait_for_log("its account may not use this target").await?;
    for_accounts(gateway, &number)?;
    anna.put("told", "third", "content").await?.ok()?;
    let told = receiver.wait_for(3).await?;
    let keys: Vec<_> =
        told.iter().filter_map(|message| message["Records"][0]["s3"]["object"]["key"].as_str()).collect();
    ensure!(keys == ["first", "third"], "{keys:?}");
    Ok(())
}

/// Hundreds of messages wait for a target that accepts connections and says nothing.
async fn a_target_that_never_answers_holds_up_no_other(gateway: &mut TestGateway) -> Result<()> {
    let receiver = Receiver::start(0).await?;
    let silent = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = silent.local_addr()?;
    gateway.reconfigure(|settings| with_webhook(settings, receiver.address(), true))?;
    let target = "name = \"silent\"\nallow_private = true\naccounts = [\"*\"]\ntimeout_seconds = 60";
    gateway
        .scribble_into_configuration(&format!("\n[[notification_target]]\nurl = \"http://{address}/\"\n{target}\n"))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket("told").await?;
    let rule = |target: &str, prefix: &str| {
        format!(
            "<QueueConfiguration><Id>{target}</Id><Queue>arn:haulout:sqs:us-east-1:1:{target}</Queue>\
             <Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>{prefix}</Value>\
             </FilterRule></S3Key></Filter></QueueConfiguration>"
        )
    };
    let rules = rule("silent", "silent/") + &rule("hook", "hook/");
    set(&s3, "notification", &format!("<NotificationConfiguration>{rules}</NotificationConfiguration>")).await?;
    for at in 0..200 {
        s3.put("told", &format!("silent/{at}"), "content").await?.ok()?;
    }
    s3.put("told", "hook/key", "content").await?.ok()?;
    ensure!(summary_of(&receiver, 1, "hook/key").await? == ["ObjectCreated:Put 7 -"]);
    drop(silent);
    Ok(())
}
