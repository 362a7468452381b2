//! rclone: a tree goes up, is compared byte by byte, changes, and comes back.

use std::fs;

use anyhow::{Result, ensure};
use harness::{Database, Scheme, Settings, TestGateway, on_both, same_tree, write_tree};

on_both!(with_tls => a_tree_is_kept_in_step);

fn with_tls(database: Database) -> Settings {
    Settings::new(database).with_tls()
}

async fn a_tree_is_kept_in_step(gateway: &mut TestGateway) -> Result<()> {
    for scheme in Scheme::BOTH {
        let clients = gateway.clients(scheme);
        let tree = gateway.scratch(&format!("tree-{}", scheme.name()));
        write_tree(&tree)?;
        let (here, there) = (tree.display().to_string(), format!("haulout:mirror-{}/deep", scheme.name()));
        clients.rclone(&["sync", &here, &there, "--s3-upload-cutoff", "6M", "--s3-chunk-size", "5M"]).ok().await?;
        clients.rclone(&["check", "--download", &here, &there]).ok().await?;

        fs::remove_file(tree.join("one byte"))?;
        fs::write(tree.join("a.txt"), "changed")?;
        let differs = clients.rclone(&["check", "--download", &here, &there]).fails().await?;
        ensure!(differs.contains("2 differences"), "{differs}");
        clients.rclone(&["sync", &here, &there]).ok().await?;
        clients.rclone(&["check", "--download", &here, &there]).ok().await?;

        let back = gateway.scratch(&format!("back-{}", scheme.name()));
        clients.rclone(&["copy", &there, &back.display().to_string()]).ok().await?;
        same_tree(&tree, &back)?;
        clients.rclone(&["purge", &format!("haulout:mirror-{}", scheme.name())]).ok().await?;
    }
    Ok(())
}
