//! What happens to the data after it was written: keys are rotated, a backend is away, objects are deleted.

use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::writer::Writer;

/// The backend that is away for a while.
pub const LOST: usize = 6;

/// Rewraps everything under second keys. Afterwards blobs are there under the first key, under both, and under the second.
pub async fn rotate_keys(writer: &mut Writer) -> Result<()> {
    writer.gateway.stop()?;
    let mut file = OpenOptions::new().append(true).open(writer.gateway.data().join("cluster.key"))?;
    // This key protects nothing but this fixture.
    writeln!(file, "2 {}", "c2".repeat(32))?;
    std::fs::write(writer.gateway.configuration_folder().join("kms-keys.toml"), crate::key_service(&[1, 2]))?;
    writer.gateway.restart()?;
    for kind in ["cluster", "kms"] {
        let rotated = writer.gateway.haulout(&["keys", "rotate", kind, "--json"]).ok().await?;
        let rotated: Value = serde_json::from_str(&rotated)?;
        ensure!(rotated["rewrapped"].as_u64() > Some(0) && rotated["failed"] == 0, "{rotated}");
    }
    writer.put("plain", "rotated/under-the-first-key", 7_000, &[]).await?;
    writer.gateway.stop()?;
    writer.gateway.restart()?;
    writer.put("plain", "rotated/under-the-second-key", 7_000, &[]).await?;
    writer.put("plain", "rotated/small", 70, &[("x-amz-server-side-encryption", "aws:kms")]).await.map(drop)
}

/// Writes while a backend is away: a repair is due.
pub async fn lose_a_backend(writer: &mut Writer) -> Result<()> {
    writer.put("plain", "dead", 7_000, &[]).await?;
    writer.gateway.take_away(LOST)?;
    writer.put("plain", "degraded/large", 7_000, &[]).await?;
    writer.put("plain", "degraded/small", 500, &[]).await.map(drop)
}

/// Leaves a blob in which nothing lives, and a quilt with a hole.
pub async fn delete(writer: &mut Writer) -> Result<()> {
    let root = writer.root();
    for key in ["dead", "small/e"] {
        root.delete("plain", key).await?.ok()?;
    }
    Ok(())
}
