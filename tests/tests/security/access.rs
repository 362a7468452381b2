//! Who may do what: bucket policies, access lists, ownership and the block of public access, as two users and nobody see
//! them.

use anyhow::{Context as _, Result, ensure};
use harness::{Reply, S3, Scheme, Settings, TestGateway, on_both, send_raw};
use http::Method;

on_both!(
    a_policy_opens_what_it_says_and_nothing_else,
    a_policy_is_kept_word_for_word_and_a_wrong_one_refused,
    a_denial_binds_the_owner_but_for_the_policy,
    many_keys_are_decided_one_by_one,
    public_access_can_be_blocked,
    conditions_ask_about_the_request,
    conditions_see_what_will_be_done,
    retentions_are_judged_by_the_document,
    who_may_not_read_is_told_no_attributes,
);
on_both!(with_tls => policies_ask_for_the_version_of_tls);
on_both!(lists_on => lists_let_others_in, writers_own_what_they_write, grants_in_a_document_are_judged);

fn with_tls(database: harness::Database) -> Settings {
    Settings::new(database).with_tls()
}

fn lists_on(database: harness::Database) -> Settings {
    Settings::new(database).set("s3", "default_ownership = \"ObjectWriter\"")
}

const DENIED: &str = "AccessDenied";

async fn add(gateway: &TestGateway, name: &str) -> Result<S3> {
    let secret = format!("the-secret-of-{name}-0123456789");
    let arguments = ["user", "add", name, "--access-key", &format!("KEY{name}"), "--secret-key", &secret];
    gateway.haulout(&arguments).ok().await?;
    Ok(gateway.user(&format!("KEY{name}"), &secret))
}

async fn put_policy(s3: &S3, bucket: &str, statements: &str) -> Result<Reply> {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    s3.request(Method::PUT, format!("/{bucket}")).query("policy", "").body(text).send().await
}

fn statement(effect: &str, principal: &str, actions: &str, resource: &str) -> String {
    format!(
        r#"{{"Effect":"{effect}","Principal":{principal},"Action":[{actions}],"Resource":"arn:aws:s3:::{resource}"}}"#
    )
}

async fn anonymously(gateway: &TestGateway, method: &str, target: &str) -> Result<Option<u16>> {
    let head = format!("{method} {target} HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    Ok(send_raw(gateway.address(), head.as_bytes()).await?.status())
}

async fn a_policy_opens_what_it_says_and_nothing_else(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    alice.create_bucket("hers").await?;
    bob.create_bucket("his").await?;
    alice.put("hers", "public/a", "for all").await?.ok()?;
    alice.put("hers", "private/a", "for none").await?.ok()?;
    ensure!(anonymously(gateway, "GET", "/hers/public/a").await? == Some(403));
    put_policy(&alice, "hers", &statement("Allow", "\"*\"", "\"s3:GetObject\"", "hers/public/*")).await?.ok()?;
    ensure!(anonymously(gateway, "GET", "/hers/public/a").await? == Some(200));
    ensure!(anonymously(gateway, "HEAD", "/hers/public/a").await? == Some(200));
    ensure!(bob.get("hers", "public/a").await?.ok()?.text() == "for all");
    for (method, target) in [
        ("GET", "/hers/private/a"),
        ("GET", "/hers/public/no-such-key"),
        ("PUT", "/hers/public/a"),
        ("DELETE", "/hers/public/a"),
        ("GET", "/hers"),
        ("GET", "/hers?policy"),
        ("GET", "/hers/public/a?acl"),
        ("POST", "/hers?delete"),
        ("POST", "/hers/public/a?uploads"),
        ("PUT", "/new-bucket"),
        ("GET", "/"),
    ] {
        ensure!(anonymously(gateway, method, target).await? == Some(403), "{method} {target}");
    }
    // Copies read under the rules of their source and write under those of their target.
    let copy = |from: &'static str, bucket: &'static str| {
        bob.on(Method::PUT, bucket, "copy").header("x-amz-copy-source", from).send()
    };
    copy("/hers/public/a", "his").await?.ok()?;
    copy("/hers/private/a", "his").await?.refused(403, DENIED)?;
    copy("/hers/public/a", "hers").await?.refused(403, DENIED)?;
    ensure!(bob.get("his", "copy").await?.ok()?.text() == "for all");
    // A caller that may list may learn that a key does not exist.
    let list = statement("Allow", "\"*\"", "\"s3:ListBucket\"", "hers");
    put_policy(&alice, "hers", &list).await?.ok()?;
    bob.get("hers", "no such key").await?.refused(404, "NoSuchKey")?;
    bob.get("hers", "private/a").await?.refused(403, DENIED)?;
    alice.request(Method::DELETE, "/hers").query("policy", "").send().await?.ok()?;
    bob.get("hers", "no such key").await?.refused(403, DENIED)?;
    Ok(())
}

async fn a_policy_is_kept_word_for_word_and_a_wrong_one_refused(gateway: &mut TestGateway) -> Result<()> {
    let alice = add(gateway, "alice").await?;
    alice.create_bucket("hers").await?;
    let policy = || alice.request(Method::GET, "/hers").query("policy", "");
    policy().send().await?.refused(404, "NoSuchBucketPolicy")?;
    let text = "{ \"Statement\" : [ { \"Sid\":\"é\", \"Effect\":\"Deny\",\n \"Principal\":{\"AWS\":\"000000000099\"}, \
                \"Action\":\"s3:*\", \"Resource\":\"arn:aws:s3:::hers/*\" } ] }";
    alice.request(Method::PUT, "/hers").query("policy", "").body(text.to_owned()).send().await?.ok()?;
    ensure!(policy().send().await?.ok()?.text() == text);
    put_policy(&alice, "hers", &statement("Allow", "\"*\"", "\"s3:GetObject\"", "other/*"))
        .await?
        .refused(400, "MalformedPolicy")?;
    put_policy(&alice, "hers", &statement("Allow", "\"anna\"", "\"s3:GetObject\"", "hers/*"))
        .await?
        .refused(400, "MalformedPolicy")?;
    // A denial under a key that does not exist would deny nothing.
    for (key, known) in [("s3:prefix", true), ("s3:prefixes", false), ("aws:SourceIps", false), ("ec2:Vpc", false)] {
        let denial = statement("Deny", r#"{"AWS":"000000000099"}"#, "\"s3:*\"", "hers/*");
        let condition = format!(r#","Condition":{{"StringEquals":{{"{key}":"x"}}}}}}"#);
        let reply = put_policy(&alice, "hers", &(denial.trim_end_matches('}').to_owned() + &condition)).await?;
        if known { reply.ok().map(drop)? } else { reply.refused(400, "MalformedPolicy")? }
    }
    alice.request(Method::PUT, "/hers").query("policy", "").body(text.to_owned()).send().await?.ok()?;
    let long = format!("{{\"Id\":\"{}\"}}", "x".repeat(21 << 10));
    let too_long = alice.request(Method::PUT, "/hers").query("policy", "").body(long).send().await?;
    too_long.refused(400, "MalformedPolicy")?;
    ensure!(policy().send().await?.ok()?.text() == text, "a refused policy replaces nothing");
    Ok(())
}

async fn a_denial_binds_the_owner_but_for_the_policy(gateway: &mut TestGateway) -> Result<()> {
    let (alice, root) = (add(gateway, "alice").await?, gateway.root());
    alice.create_bucket("hers").await?;
    alice.put("hers", "a", "x").await?.ok()?;
    let deny = [statement("Deny", "\"*\"", "\"s3:*\"", "hers"), statement("Deny", "\"*\"", "\"s3:*\"", "hers/*")];
    put_policy(&alice, "hers", &deny.join(",")).await?.ok()?;
    alice.get("hers", "a").await?.refused(403, DENIED)?;
    alice.request(Method::GET, "/hers").send().await?.refused(403, DENIED)?;
    ensure!(root.get("hers", "a").await?.ok()?.text() == "x", "the root user helps out");
    alice.request(Method::GET, "/hers").query("policy", "").send().await?.ok()?;
    alice.request(Method::DELETE, "/hers").query("policy", "").send().await?.ok()?;
    alice.get("hers", "a").await?.ok()?;
    Ok(())
}

async fn many_keys_are_decided_one_by_one(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    alice.create_bucket("hers").await?;
    for key in ["tmp/a", "tmp/b", "kept"] {
        alice.put("hers", key, "x").await?.ok()?;
    }
    let body = "<Delete><Object><Key>tmp/a</Key></Object><Object><Key>kept</Key></Object></Delete>";
    let delete = || {
        let request = bob.request(Method::POST, "/hers").query("delete", "");
        request.header("content-md5", "8ckdmZCOZ+pRSROyp+7Yqg==").body(body.to_owned()).send()
    };
    delete().await?.refused(403, DENIED)?;
    put_policy(&alice, "hers", &statement("Allow", "\"*\"", "\"s3:DeleteObject\"", "hers/tmp/*")).await?.ok()?;
    let text = delete().await?.ok()?.text();
    ensure!(text.contains("<Deleted><Key>tmp/a</Key>"), "{text}");
    ensure!(text.contains("<Error><Key>kept</Key><Code>AccessDenied</Code>"), "{text}");
    alice.get("hers", "kept").await?.ok()?;
    alice.get("hers", "tmp/a").await?.refused(404, "NoSuchKey")?;
    Ok(())
}

async fn public_access_can_be_blocked(gateway: &mut TestGateway) -> Result<()> {
    let alice = add(gateway, "alice").await?;
    alice.create_bucket("hers").await?;
    alice.put("hers", "a", "x").await?.ok()?;
    let everybody = statement("Allow", "\"*\"", "\"s3:GetObject\"", "hers/*");
    let block = |switch: &str| {
        let body =
            format!("<PublicAccessBlockConfiguration><{switch}>true</{switch}></PublicAccessBlockConfiguration>");
        let digest =
            if switch == "BlockPublicPolicy" { "yxnb++Lt7UGHbQ3ig0g7SA==" } else { "sd/m3LNknGDi0TP4Jr578Q==" };
        let request = alice.request(Method::PUT, "/hers").query("publicAccessBlock", "");
        request.header("content-md5", digest).body(body).send()
    };
    let status = || alice.request(Method::GET, "/hers").query("policyStatus", "").send();
    let get = || alice.request(Method::GET, "/hers").query("publicAccessBlock", "").send();
    get().await?.refused(404, "NoSuchPublicAccessBlockConfiguration")?;
    block("BlockPublicPolicy").await?.ok()?;
    put_policy(&alice, "hers", &everybody).await?.refused(403, DENIED)?;
    alice.request(Method::DELETE, "/hers").query("publicAccessBlock", "").send().await?.ok()?;
    put_policy(&alice, "hers", &everybody).await?.ok()?;
    ensure!(status().await?.ok()?.text().contains("<IsPublic>true</IsPublic>"));
    ensure!(anonymously(gateway, "GET", "/hers/a").await? == Some(200));
    block("RestrictPublicBuckets").await?.ok()?;
    ensure!(get().await?.ok()?.text().contains("<RestrictPublicBuckets>true</RestrictPublicBuckets>"));
    ensure!(anonymously(gateway, "GET", "/hers/a").await? == Some(403));
    alice.get("hers", "a").await?.ok()?;
    Ok(())
}

async fn policies_ask_for_the_version_of_tls(gateway: &mut TestGateway) -> Result<()> {
    for scheme in Scheme::BOTH {
        gateway.clients(scheme).python("tls_versions.py").ok().await?;
    }
    Ok(())
}

async fn who_may_not_read_is_told_no_attributes(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    alice.create_bucket("hers").await?;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    alice.request(Method::PUT, "/hers").query("versioning", "").body(enabled).send().await?.ok()?;
    let version = alice.put("hers", "a", "content").await?.ok()?.header("x-amz-version-id").to_owned();
    let ask = async |version: Option<&str>| {
        let request =
            bob.on(Method::GET, "hers", "a").query("attributes", "").header("x-amz-object-attributes", "ETag");
        match version {
            Some(id) => request.query("versionId", id).send().await,
            None => request.send().await,
        }
    };
    let (current, named) = (None, Some(&*version));
    for (actions, which, allowed) in [
        (&["s3:GetObjectAttributes"][..], current, false),
        (&["s3:GetObject"], current, false),
        (&["s3:GetObjectAttributes", "s3:GetObjectVersion"], current, false),
        (&["s3:GetObjectAttributes", "s3:GetObject"], current, true),
        (&["s3:GetObjectVersionAttributes"], named, false),
        (&["s3:GetObjectVersionAttributes", "s3:GetObject"], named, false),
        (&["s3:GetObjectVersionAttributes", "s3:GetObjectVersion"], named, true),
        (&["s3:GetObjectVersionAttributes", "s3:GetObjectVersion"], current, false),
    ] {
        let quoted: Vec<_> = actions.iter().map(|action| format!("\"{action}\"")).collect();
        put_policy(&alice, "hers", &statement("Allow", "\"*\"", &quoted.join(","), "hers/*")).await?.ok()?;
        let reply = ask(which).await?;
        ensure!((reply.status == 200) == allowed, "{actions:?} {which:?}: {}", reply.status);
        ensure!(allowed || reply.code().as_deref() == Some(DENIED), "{actions:?} {which:?}");
    }
    Ok(())
}

async fn conditions_ask_about_the_request(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    alice.create_bucket("hers").await?;
    alice.put("hers", "public/a", "x").await?.ok()?;
    let allow = |actions: &str, condition: &str| {
        let statement = statement("Allow", "\"*\"", actions, "hers*").replace("}", "");
        format!("{statement},\"Condition\":{{{condition}}}}}")
    };
    for (condition, allowed) in [
        (r#""IpAddress":{"aws:SourceIp":["127.0.0.0/8","::1"]}"#, true),
        (r#""NotIpAddress":{"aws:SourceIp":["127.0.0.0/8","::1"]}"#, false),
        (r#""Bool":{"aws:SecureTransport":"true"}"#, false),
        (r#""Bool":{"aws:SecureTransport":"false"}"#, true),
        (r#""StringLike":{"aws:Referer":"http://www.example.com/*"}"#, true),
        (r#""StringLike":{"aws:Referer":"http://www.example.org/*"}"#, false),
        (r#""DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}"#, true),
        (r#""DateLessThan":{"aws:EpochTime":"1577836800"}"#, false),
        (r#""StringEquals":{"s3:signatureversion":"AWS4-HMAC-SHA256","s3:authType":"REST-HEADER"}"#, true),
        (r#""StringEquals":{"s3:x-amz-content-sha256":"UNSIGNED-PAYLOAD"}"#, false),
        (r#""Null":{"aws:username":"true"}"#, true),
        (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:root"}"#, true),
    ] {
        put_policy(&alice, "hers", &allow("\"s3:GetObject\"", condition)).await?.ok()?;
        let reply =
            bob.on(Method::GET, "hers", "public/a").header("referer", "http://www.example.com/page").send().await?;
        ensure!((reply.status == 200) == allowed, "{condition}: {}", reply.status);
    }
    let by_prefix = allow(
        "\"s3:ListBucket\"",
        r#""StringLike":{"s3:prefix":"public/*"},"NumericLessThanEquals":{"s3:max-keys":"10"}"#,
    );
    put_policy(&alice, "hers", &by_prefix).await?.ok()?;
    let list = |prefix: &'static str, most: &'static str| {
        bob.request(Method::GET, "/hers").query("prefix", prefix).query("max-keys", most).send()
    };
    list("public/", "10").await?.ok()?;
    list("public/", "11").await?.refused(403, DENIED)?;
    list("", "10").await?.refused(403, DENIED)?;
    let by_header = allow("\"s3:PutObject\"", r#""StringEquals":{"s3:x-amz-storage-class":"STANDARD"}"#);
    put_policy(&alice, "hers", &by_header).await?.ok()?;
    bob.put("hers", "b", "x").await?.refused(403, DENIED)?;
    bob.on(Method::PUT, "hers", "b").header("x-amz-storage-class", "STANDARD").body("x").send().await?.ok()?;
    Ok(())
}

/// A statement for everybody that holds under a condition.
fn conditional(effect: &str, actions: &str, resource: &str, condition: &str) -> String {
    let statement = statement(effect, "\"*\"", actions, resource);
    format!("{},\"Condition\":{{{condition}}}}}", statement.strip_suffix('}').unwrap_or(&statement))
}

/// A condition is asked about the value that the handler will act on, however the request was written.
async fn conditions_see_what_will_be_done(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    alice.create_bucket("hers").await?;
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    alice.request(Method::PUT, "/hers").query("versioning", "").body(versioning).send().await?.ok()?;
    let all = statement("Allow", "\"*\"", "\"s3:*\"", "hers*");
    // Two words where one counts: neither the policy nor the handler gets to choose.
    let deny = conditional("Deny", "\"s3:PutObject\"", "hers/*", r#""StringEquals":{"s3:x-amz-acl":"public-read"}"#);
    put_policy(&alice, "hers", &format!("{all},{deny}")).await?.ok()?;
    let put = || bob.on(Method::PUT, "hers", "a").body("x");
    put().header("x-amz-acl", "public-read").send().await?.refused(403, DENIED)?;
    let twice = put().header("x-amz-acl", "public-read").header("x-amz-acl", "private").send().await?;
    twice.refused(400, "InvalidArgument")?;
    let first = put().send().await?.ok()?.header("x-amz-version-id").to_owned();
    // One version, and it has one name.
    let condition = format!(r#""StringEquals":{{"s3:VersionId":"{first}"}}"#);
    let deny = conditional("Deny", "\"s3:GetObjectVersion\"", "hers/*", &condition);
    put_policy(&alice, "hers", &format!("{all},{deny}")).await?.ok()?;
    let get = |version: String| bob.on(Method::GET, "hers", "a").query("versionId", version);
    get(first.clone()).send().await?.refused(403, DENIED)?;
    get(first.to_uppercase()).send().await?.refused(403, DENIED)?;
    get("null".to_owned()).query("versionId", first).send().await?.refused(400, "InvalidArgument")?;
    // A caller that must not overwrite has to send a condition that is obeyed.
    let deny = conditional("Deny", "\"s3:PutObject\"", "hers/*", r#""Null":{"s3:if-none-match":"true"}"#);
    put_policy(&alice, "hers", &format!("{all},{deny}")).await?.ok()?;
    put().header("if-none-match", "nonsense").send().await?.refused(403, DENIED)?;
    put().header("if-none-match", "*").send().await?.refused(412, "PreconditionFailed")?;
    bob.on(Method::PUT, "hers", "b").header("if-none-match", "*").body("x").send().await?.ok()?;
    // What is wrong with a request is reported only to callers that are allowed it.
    let own = r#""StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"}"#;
    let deny = conditional("Deny", "\"s3:PutObject\"", "hers/*", own);
    put_policy(&alice, "hers", &format!("{all},{deny}")).await?.ok()?;
    let encrypted = |word: &str| put().header("x-amz-server-side-encryption", word).send();
    encrypted("AES192").await?.refused(403, DENIED)?;
    encrypted("AES256").await?.ok()?;
    put_policy(&alice, "hers", &all).await?.ok()?;
    encrypted("AES192").await?.refused(400, "InvalidArgument")?;
    // A source that nobody copies and a prefix by which nothing is listed open nothing.
    let copies = r#""StringLike":{"s3:x-amz-copy-source":"hers/*"}"#;
    put_policy(&alice, "hers", &conditional("Allow", "\"s3:*\"", "hers*", copies)).await?.ok()?;
    let start = bob.on(Method::POST, "hers", "c").query("uploads", "").header("x-amz-copy-source", "hers/a");
    start.send().await?.refused(403, DENIED)?;
    let listings = r#""StringLike":{"s3:prefix":"public/*"}"#;
    put_policy(&alice, "hers", &conditional("Allow", "\"s3:*\"", "hers", listings)).await?.ok()?;
    let ask = |what: &str| bob.request(Method::GET, "/hers").query(what, "").query("prefix", "public/x");
    ask("policy").send().await?.refused(403, DENIED)?;
    ask("versions").send().await?.ok()?;
    // Tags in a header that the copy does not set are no tags of the request.
    let reads = statement("Allow", "\"*\"", "\"s3:GetObject\"", "hers/*");
    let tagged = r#""StringEquals":{"s3:RequestObjectTag/open":"yes"}"#;
    let writes = conditional("Allow", "\"s3:PutObject\",\"s3:PutObjectTagging\"", "hers/*", tagged);
    put_policy(&alice, "hers", &format!("{reads},{writes}")).await?.ok()?;
    let copy =
        || bob.on(Method::PUT, "hers", "d").header("x-amz-copy-source", "hers/a").header("x-amz-tagging", "open=yes");
    copy().send().await?.refused(403, DENIED)?;
    copy().header("x-amz-tagging-directive", "REPLACE").send().await?.ok()?;
    Ok(())
}

/// What locks a version stands in the body; headers beside it say nothing.
async fn retentions_are_judged_by_the_document(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    let create = alice.request(Method::PUT, "/hers").header("x-amz-bucket-object-lock-enabled", "true");
    create.send().await?.ok()?;
    alice.put("hers", "a", "x").await?.ok()?;
    let days = r#""NumericLessThanEquals":{"s3:object-lock-remaining-retention-days":"10"}"#;
    let short = conditional("Allow", "\"s3:PutObjectRetention\"", "hers/*", days);
    let default = conditional("Allow", "\"s3:PutBucketObjectLockConfiguration\"", "hers", days);
    let hold = r#""StringEquals":{"s3:object-lock-legal-hold":"OFF"}"#;
    let off = conditional("Allow", "\"s3:PutObjectLegalHold\"", "hers/*", hold);
    put_policy(&alice, "hers", &format!("{short},{default},{off}")).await?.ok()?;
    let date = |days: i64| {
        let date = time::OffsetDateTime::now_utc() + time::Duration::days(days);
        format!("{:04}-{:02}-{:02}T00:00:00Z", date.year(), u8::from(date.month()), date.day())
    };
    let retain = |mode: &str, days: i64| {
        let until = date(days);
        let body = format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
        bob.on(Method::PUT, "hers", "a").query("retention", "").checked(body)
    };
    let disguised = retain("COMPLIANCE", 400).header("x-amz-object-lock-retain-until-date", date(5));
    disguised.header("x-amz-object-lock-mode", "GOVERNANCE").send().await?.refused(403, DENIED)?;
    retain("COMPLIANCE", 400).send().await?.refused(403, DENIED)?;
    retain("GOVERNANCE", 9).send().await?.ok()?;
    let default = |days: u32| {
        let rule =
            format!("<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>{days}</Days></DefaultRetention></Rule>");
        let root = "ObjectLockConfiguration";
        let body = format!("<{root}><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</{root}>");
        bob.request(Method::PUT, "/hers").query("object-lock", "").checked(body).send()
    };
    default(400).await?.refused(403, DENIED)?;
    let hold = |status: &str| {
        let body = format!("<LegalHold><Status>{status}</Status></LegalHold>");
        bob.on(Method::PUT, "hers", "a").query("legal-hold", "").checked(body)
    };
    hold("ON").header("x-amz-object-lock-legal-hold", "OFF").send().await?.refused(403, DENIED)?;
    hold("OFF").send().await?.ok()?;
    let kept = alice.on(Method::GET, "hers", "a").query("retention", "").send().await?.ok()?;
    ensure!(kept.text().contains("GOVERNANCE"), "{}", kept.text());
    Ok(())
}

/// An access list is judged wherever in the request it stands.
async fn grants_in_a_document_are_judged(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    alice.create_bucket("hers").await?;
    alice.put("hers", "a", "x").await?.ok()?;
    let allow = statement("Allow", "\"*\"", "\"s3:*\"", "hers*");
    let everybody = r#""StringLike":{"s3:x-amz-grant-read":"*/AllUsers*"}"#;
    let acl = "\"s3:PutObjectAcl\",\"s3:PutBucketAcl\"";
    let deny = conditional("Deny", acl, "hers*", everybody);
    let own = alice.on(Method::GET, "hers", "a").query("acl", "").send().await?.ok()?.text();
    let public = own.replace(
        "</AccessControlList>",
        "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\">\
         <URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant>\
         </AccessControlList>",
    );
    let put = |body: &str| bob.on(Method::PUT, "hers", "a").query("acl", "").body(body.to_owned()).send();
    put(&public).await?.refused(403, DENIED)?;
    put_policy(&alice, "hers", &format!("{allow},{deny}")).await?.ok()?;
    put(&own).await?.ok()?;
    put(&public).await?.refused(403, DENIED)?;
    let word = "URI=\"http://acs.amazonaws.com/groups/global/AllUsers\"";
    let by_header = bob.on(Method::PUT, "hers", "a").query("acl", "").header("x-amz-grant-read", word);
    by_header.send().await?.refused(403, DENIED)?;
    Ok(())
}

async fn lists_let_others_in(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    alice.create_bucket("hers").await?;
    let list = |word: &str| alice.request(Method::PUT, "/hers").query("acl", "").header("x-amz-acl", word).send();
    bob.request(Method::GET, "/hers").send().await?.refused(403, DENIED)?;
    list("public-read").await?.ok()?;
    bob.request(Method::GET, "/hers").send().await?.ok()?;
    ensure!(anonymously(gateway, "GET", "/hers").await? == Some(200));
    ensure!(anonymously(gateway, "PUT", "/hers/a").await? == Some(403));
    list("authenticated-read").await?.ok()?;
    ensure!(anonymously(gateway, "GET", "/hers").await? == Some(403));
    list("public-read-write").await?.ok()?;
    ensure!(anonymously(gateway, "PUT", "/hers/a").await? == Some(200));
    let open = alice.on(Method::PUT, "hers", "open").header("x-amz-acl", "public-read").body("o");
    open.send().await?.ok()?;
    alice.put("hers", "shut", "s").await?.ok()?;
    ensure!(anonymously(gateway, "GET", "/hers/open").await? == Some(200));
    ensure!(anonymously(gateway, "GET", "/hers/shut").await? == Some(403));
    let text = alice.on(Method::GET, "hers", "open").query("acl", "").send().await?.ok()?.text();
    ensure!(text.contains("AllUsers") && text.contains("<Owner><ID>") && !text.contains("DisplayName"), "{text}");
    list("public-ready").await?.refused(400, "InvalidArgument")?;
    Ok(())
}

/// Every listing shows whose objects are, by the id that their access lists have. Answers the ids of the owners who are given beside the keys.
async fn listings_name_owners(s3: &S3, keys: [(&str, &S3); 2]) -> Result<Vec<String>> {
    let mut wanted = Vec::new();
    for (key, owner) in keys {
        let list = owner.on(Method::GET, "hers", key).query("acl", "").send().await?.ok()?.text();
        let id =
            list.split_once("<Owner>").and_then(|(_, rest)| rest.split_once("</Owner>")).map(|(id, _)| id.to_owned());
        wanted.push((key, id.context("a list without an owner")?));
    }
    for query in [&[][..], &[("list-type", "2"), ("fetch-owner", "true")], &[("versions", "")], &[("delimiter", "/")]] {
        let request = s3.request(Method::GET, "/hers");
        let request = query.iter().fold(request, |request, (name, value)| request.query(name, *value));
        let text = request.send().await?.ok()?.text();
        for (key, id) in &wanted {
            let entry = text.split_once(&format!("<Key>{key}</Key>")).map_or("", |(_, rest)| rest);
            let owner = entry.split_once("</Owner>").map_or("", |(owner, _)| owner);
            ensure!(owner.ends_with(&format!("<Owner>{id}")), "{query:?} {key}: {text}");
        }
    }
    let plain = s3.request(Method::GET, "/hers").query("list-type", "2").send().await?.ok()?.text();
    ensure!(!plain.contains("<Owner>"), "{plain}");
    Ok(wanted.into_iter().map(|(_, id)| id).collect())
}

async fn writers_own_what_they_write(gateway: &mut TestGateway) -> Result<()> {
    let (alice, bob) = (add(gateway, "alice").await?, add(gateway, "bob").await?);
    alice.create_bucket("hers").await?;
    put_policy(&alice, "hers", &statement("Allow", "\"*\"", "\"s3:PutObject\"", "hers/*")).await?.ok()?;
    bob.put("hers", "his", "bob's").await?.ok()?;
    alice.get("hers", "his").await?.refused(403, DENIED)?;
    ensure!(bob.get("hers", "his").await?.ok()?.text() == "bob's");
    alice.put("hers", "own", "alice's").await?.ok()?;
    let owners = listings_name_owners(&alice, [("his", &bob), ("own", &alice)]).await?;
    ensure!(owners[0] != owners[1], "{owners:?}");
    let given = bob.on(Method::PUT, "hers", "given").header("x-amz-acl", "bucket-owner-full-control").body("g");
    given.send().await?.ok()?;
    ensure!(alice.get("hers", "given").await?.ok()?.text() == "g");
    alice.delete("hers", "his").await?.ok()?;
    let enforced =
        "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>";
    let controls = alice.request(Method::PUT, "/hers").query("ownershipControls", "").body(enforced.to_owned());
    controls.send().await?.ok()?;
    bob.put("hers", "now hers", "x").await?.ok()?;
    alice.get("hers", "now hers").await?.ok()?;
    let owners = listings_name_owners(&alice, [("given", &alice), ("own", &alice)]).await?;
    ensure!(owners[0] == owners[1], "{owners:?}");
    let list = alice.on(Method::PUT, "hers", "a").header("x-amz-acl", "public-read").body("x").send().await?;
    list.refused(400, "AccessControlListNotSupported")?;
    Ok(())
}
