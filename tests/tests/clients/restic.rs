//! restic: a repository in a bucket, over http and over https, and on only four of six backends.

use std::fs;

use anyhow::{Context, Result, ensure};
use harness::{Database, Scheme, Settings, TestGateway, on_both, same_tree, write_tree};

on_both!(with_tls => a_repository_survives_the_loss_of_two_backends);

fn with_tls(database: Database) -> Settings {
    Settings::new(database).with_tls()
}

async fn a_repository_survives_the_loss_of_two_backends(gateway: &mut TestGateway) -> Result<()> {
    let tree = gateway.scratch("tree");
    write_tree(&tree)?;
    let source = tree.display().to_string();
    for scheme in Scheme::BOTH {
        let clients = gateway.clients(scheme);
        let bucket = format!("repository-{}", scheme.name());
        clients.restic(&bucket, &["init"]).ok().await?;
        clients.restic(&bucket, &["backup", &source]).ok().await?;
        fs::write(tree.join("a.txt"), format!("changed over {}", scheme.name()))?;
        clients.restic(&bucket, &["backup", &source]).ok().await?;
        clients.restic(&bucket, &["check", "--read-data"]).ok().await?;

        let snapshots = clients.restic(&bucket, &["snapshots", "--json"]).ok().await?;
        let snapshots: serde_json::Value = serde_json::from_str(&snapshots)?;
        let id = |index: usize| snapshots[index]["id"].as_str().context("a snapshot has an id");
        let difference = clients.restic(&bucket, &["diff", id(0)?, id(1)?]).ok().await?;
        ensure!(difference.contains("M    ") && difference.contains("a.txt"), "{difference}");

        clients.restic(&bucket, &["forget", "--prune", "--keep-last", "1"]).ok().await?;
    }
    gateway.take_away(1)?;
    gateway.take_away(6)?;
    for scheme in Scheme::BOTH {
        let clients = gateway.clients(scheme);
        let bucket = format!("repository-{}", scheme.name());
        clients.restic(&bucket, &["--no-lock", "check", "--read-data"]).ok().await?;
        let back = gateway.scratch(&format!("restored-{}", scheme.name()));
        let target = back.display().to_string();
        clients.restic(&bucket, &["--no-lock", "restore", "latest", "--target", &target]).ok().await?;
        if scheme == Scheme::Https {
            same_tree(&tree, &back.join(tree.strip_prefix("/")?))?;
        }
    }
    gateway.bring_back(1)?;
    gateway.bring_back(6)
}
