//! A full disk: writes are refused, reads and deletions go on, and space that returns is used again.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use harness::{Database, Payload, Settings, TestGateway, run_scenario, wait_until};

const MIB: u64 = 1 << 20;

/// A small file system in memory, unmounted when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Result<Self> {
        let folder = folder.join("disk");
        std::fs::create_dir_all(&folder)?;
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=48m", "tmpfs"]).arg(&folder).status()?;
        ensure!(mounted.success(), "mount: {mounted}");
        Ok(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_writes_and_nothing_else() -> Result<()> {
    if !rustix::process::getuid().is_root() {
        eprintln!("only root can mount a small disk: nothing was tested");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let disk = SmallDisk::mount(folder.path())?;
    let on_the_disk = |settings: Settings, number: usize| {
        let backend = disk.0.join(format!("b{number}"));
        settings.backend_at(&format!("b{number}"), &backend.display().to_string(), &[])
    };
    run_scenario((1..=6).fold(Settings::new(Database::Sqlite), on_the_disk), fill_empty_and_fill_again)
}

async fn fill_empty_and_fill_again(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("disk").await?;
    let payload = Payload::new("filling", 1, 4 * MIB);
    let mut stored = Vec::new();
    let refused = loop {
        let key = format!("file {}", stored.len());
        let reply = s3.put("disk", &key, payload.bytes()).await?;
        if reply.status != 200 {
            break reply;
        }
        stored.push(key);
        ensure!(stored.len() < 12, "48 MiB cannot hold twelve times six");
    };
    ensure!(stored.len() >= 4, "only {} files of 4 MiB fit", stored.len());
    ensure!(matches!(refused.status, 503 | 507), "{} {}", refused.status, refused.text());
    ensure!(s3.list("disk", &[]).await?.0 == stored, "what was refused is not there");
    for key in &stored {
        ensure!(s3.get("disk", key).await?.ok()?.body == payload.bytes(), "{key}");
    }
    for key in stored.iter().skip(1) {
        s3.delete("disk", key).await?.ok()?;
    }
    wait_until("there is space after the deletions", async || {
        Ok((s3.put("disk", "after", payload.bytes()).await?.status == 200).then_some(()))
    })
    .await?;
    ensure!(s3.get("disk", "after").await?.ok()?.body == payload.bytes());
    // One backend may have had no space yet when the others had it.
    gateway.wait_for_repair().await
}
