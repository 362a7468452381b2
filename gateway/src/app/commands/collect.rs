//! `haulout collect`.

use anyhow::Result;

use crate::admin::Collect;
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};

pub(super) async fn run(runner: &OperationRunner, orphans: u64, json: bool) -> Result<Outcome> {
    let collected = runner.run(Collect { orphans }).await?;
    if json {
        show::json(&collected)?;
    } else {
        show::print(&format!("{} unreferenced blobs deleted, {} quilts compacted", collected.blobs, collected.quilts))?;
        show::print(&format!("{} orphans among {} slivers collected", collected.orphans, collected.slivers_scanned))?;
        if let Some(reason) = &collected.orphans_refused {
            show::print(&format!("orphans not collected: {reason}"))?;
        }
        for backend in &collected.unreachable {
            show::print(&format!("{backend} could not be listed: nothing on it was deleted"))?;
        }
    }
    let fine = collected.orphans_refused.is_none() && collected.unreachable.is_empty();
    Ok(if fine { Outcome::Fine } else { Outcome::Wrong })
}
