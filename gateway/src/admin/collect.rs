//! Garbage collection on request, without waiting for the workers.

use serde::{Deserialize, Serialize};

use crate::admin::error::Result;
use crate::admin::{Admin, Operation};

/// Delete dead blobs whose grace is over, compact sparse quilts and collect orphans, now.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Collect {}

/// What was collected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// Dead blobs that went from the backends and the database.
    pub blobs: usize,
    /// Quilts and large blobs that were emptied; they go when their own grace is over.
    pub quilts: usize,
    /// Slivers that were looked at in search of orphans.
    pub slivers_scanned: u64,
    /// Orphaned slivers that went.
    pub orphans: u64,
    /// Why orphans were found and not deleted.
    pub orphans_refused: Option<String>,
    /// Backends that could not be listed; nothing on them was deleted.
    pub unreachable: Vec<String>,
}

impl Operation for Collect {
    const NAME: &'static str = "collect";
    type Reply = Collected;

    async fn run(self, admin: &Admin) -> Result<Collected> {
        let mut collected = Collected::default();
        while admin.metadata.remove_some().await? {}
        loop {
            match admin.objects.compact().await? {
                0 => break,
                emptied => collected.quilts += emptied,
            }
        }
        loop {
            match admin.objects.compact_large().await? {
                0 => break,
                emptied => collected.quilts += emptied,
            }
        }
        loop {
            match admin.objects.reclaim().await? {
                0 => break,
                reclaimed => collected.blobs += reclaimed,
            }
        }
        let orphans = admin.objects.collect_orphans().await?;
        collected.slivers_scanned = orphans.scanned;
        collected.orphans = orphans.collected;
        collected.orphans_refused = orphans.refused;
        collected.unreachable = orphans.unreachable;
        Ok(collected)
    }
}
