//! aws-cli, as people use it, over http and over https.

use std::fs;

use anyhow::{Result, ensure};
use harness::{Database, Scheme, Settings, TestGateway, on_both, same_tree, write_tree};

on_both!(with_tls => files_go_up_and_come_back, a_tree_is_synced, presigned_links_work);

fn with_tls(database: Database) -> Settings {
    Settings::new(database).with_tls()
}

async fn files_go_up_and_come_back(gateway: &mut TestGateway) -> Result<()> {
    let folder = gateway.scratch("cp");
    fs::write(folder.join("note"), "a note that no backend may read\n")?;
    gateway.add_canary(b"a note that no backend may read");
    let file = folder.join("note").display().to_string();
    for scheme in Scheme::BOTH {
        let clients = gateway.clients(scheme);
        let bucket = format!("s3://cp-{}", scheme.name());
        clients.aws(&["s3", "mb", &bucket]).ok().await?;
        clients.aws(&["s3", "cp", &file, &format!("{bucket}/folder/note")]).ok().await?;
        let back = clients.aws(&["s3", "cp", &format!("{bucket}/folder/note"), "-"]).ok().await?;
        ensure!(back == "a note that no backend may read\n", "{back}");

        let listed = clients.aws(&["s3", "ls", &format!("{bucket}/")]).ok().await?;
        ensure!(listed.contains("PRE folder/"), "{listed}");
        let listed = clients.aws(&["s3", "ls", &format!("{bucket}/folder/")]).ok().await?;
        ensure!(listed.contains("32 note"), "{listed}");
        let buckets = clients.aws(&["s3", "ls"]).ok().await?;
        ensure!(buckets.contains(&format!("cp-{}", scheme.name())), "{buckets}");

        let refused = clients.aws(&["s3", "rb", &bucket]).fails().await?;
        ensure!(refused.contains("BucketNotEmpty"), "{refused}");
        clients.aws(&["s3", "mv", &format!("{bucket}/folder/note"), &format!("{bucket}/moved")]).ok().await?;
        clients.aws(&["s3", "rm", &format!("{bucket}/moved")]).ok().await?;
        clients.aws(&["s3", "rb", &bucket]).ok().await?;
        let gone = clients.aws(&["s3", "ls", &bucket]).fails().await?;
        ensure!(gone.contains("NoSuchBucket"), "{gone}");
    }
    Ok(())
}

async fn a_tree_is_synced(gateway: &mut TestGateway) -> Result<()> {
    let tree = gateway.scratch("tree");
    write_tree(&tree)?;
    for scheme in Scheme::BOTH {
        let clients = gateway.clients(scheme);
        let bucket = format!("s3://sync-{}", scheme.name());
        let back = gateway.scratch(&format!("back-{}", scheme.name()));
        clients.aws(&["s3", "mb", &bucket]).ok().await?;
        clients.aws(&["s3", "sync", &tree.display().to_string(), &bucket]).ok().await?;
        let again = clients.aws(&["s3", "sync", &tree.display().to_string(), &bucket]).ok().await?;
        ensure!(!again.contains("upload"), "a second sync has nothing to do: {again}");
        clients.aws(&["s3", "sync", &bucket, &back.display().to_string()]).ok().await?;
        same_tree(&tree, &back)?;
        clients.aws(&["s3", "rm", "--recursive", &bucket]).ok().await?;
        clients.aws(&["s3", "rb", &bucket]).ok().await?;
    }
    Ok(())
}

async fn presigned_links_work(gateway: &mut TestGateway) -> Result<()> {
    let root = gateway.root();
    root.create_bucket("links").await?;
    root.put("links", "a file", "shared by a link").await?.ok()?;
    for scheme in Scheme::BOTH {
        let clients = gateway.clients(scheme);
        let link = clients.aws(&["s3", "presign", "s3://links/a file", "--expires-in", "60"]).ok().await?;
        let curl = |link: &str| clients.program("curl").args(["--silent", "--insecure", "--fail-with-body", link]);
        ensure!(curl(link.trim()).ok().await? == "shared by a link");
        let forged = curl(&link.trim().replace("a%20file", "another")).fails().await?;
        ensure!(forged.contains("SignatureDoesNotMatch"), "{forged}");
    }
    Ok(())
}
