//! `haulout collect`.

use anyhow::Result;

use super::{Asker, Outcome, show};
use crate::admin::Collect;

pub(super) async fn run(asker: &Asker, json: bool) -> Result<Outcome> {
    let collected = asker.ask(Collect {}).await?;
    if json {
        show::json(&collected)?;
    } else {
        show::print(&format!("{} dead blobs deleted, {} quilts compacted", collected.blobs, collected.quilts))?;
        show::print(&format!("{} orphans among {} slivers collected", collected.orphans, collected.slivers_scanned))?;
        if let Some(reason) = &collected.orphans_refused {
            show::print(&format!("orphans were kept: {reason}"))?;
        }
        for backend in &collected.unreachable {
            show::print(&format!("{backend} could not be listed: what is there was left alone"))?;
        }
    }
    let fine = collected.orphans_refused.is_none() && collected.unreachable.is_empty();
    Ok(if fine { Outcome::Fine } else { Outcome::Wrong })
}
