//! Garbage collection on request, without waiting for the workers.

use serde::{Deserialize, Serialize};

use crate::admin::error::Result;
use crate::admin::{Admin, Operation};

/// Delete dead blobs whose grace is over, compact sparse quilts and collect orphans, now.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Collect {
    /// So many orphans may go although they are more than a scan may collect by itself: an operator has seen the number.
    #[serde(default)]
    pub orphans: u64,
}

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

    /// It says itself why nothing is collected.
    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Collected> {
        let mut collected = Collected::default();
        if admin.objects.rollback_hold().await?.is_none() {
            while admin.metadata.remove_some().await? {}
        }
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
        collect_orphans(admin, self.orphans, &mut collected).await?;
        Ok(collected)
    }
}

/// One scan after the other as long as one leaves some to the next; together they take no more than was confirmed.
async fn collect_orphans(admin: &Admin, confirmed: u64, collected: &mut Collected) -> Result<()> {
    loop {
        let scan = admin.objects.collect_orphans(confirmed.saturating_sub(collected.orphans)).await?;
        collected.orphans += scan.collected;
        let goes_on = scan.left > 0 && scan.collected > 0;
        collected.slivers_scanned = scan.scanned;
        collected.orphans_refused = scan.refused;
        collected.unreachable = scan.unreachable;
        if !goes_on {
            return Ok(());
        }
    }
}
