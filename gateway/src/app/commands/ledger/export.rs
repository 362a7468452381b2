//! `haulout ledger export`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::folder::Folder;
use crate::admin::{ListCheckpoints, ListLeaves, ShowInputs, ShowLog};
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};
use crate::domain::money::epoch::Epoch;
use crate::ledger::log::Exporter;
use crate::ledger::log::note::SignedNote;

pub(super) async fn run(runner: &OperationRunner, out: &Path) -> Result<Outcome> {
    let log = runner.run(ShowLog {}).await?;
    let Some(head) = log.checkpoint else { bail!("no epoch of the ledger was published yet") };
    let folder = Folder::begin(out)?;
    let mut exporter = Exporter::new(|path: &str, content: &[u8]| folder.write(path, content));
    let mut leaves = 0;
    // An epoch that is published meanwhile is left to the next export.
    while leaves < head.size {
        let page = runner.run(ListLeaves { from: leaves }).await?;
        let wanted = usize::try_from(head.size - leaves).unwrap_or(usize::MAX).min(page.len());
        if wanted == 0 {
            bail!("the log has {leaves} leaves and a checkpoint of {}", head.size);
        }
        for leaf in &page[..wanted] {
            exporter.leaf(leaf.as_bytes())?;
            leaves += 1;
        }
    }
    let mut above = 0;
    while above < head.size {
        let page = runner.run(ListCheckpoints { above }).await?;
        for checkpoint in page.iter().filter(|checkpoint| checkpoint.size <= head.size) {
            let inputs = runner.run(ShowInputs { epoch: checkpoint.epoch }).await?;
            let inputs = inputs.with_context(|| format!("the inputs of epoch {} are gone", checkpoint.epoch))?;
            exporter.inputs(Epoch(checkpoint.epoch), &STANDARD.decode(inputs)?)?;
            exporter.checkpoint(&SignedNote::read(checkpoint.note.as_bytes())?)?;
        }
        above = page.last().map_or(head.size, |checkpoint| checkpoint.size);
    }
    for (number, refusal) in (1..).zip(&log.refusals) {
        exporter.refusal(refusal.size, number, &refusal.note)?;
    }
    exporter.finish(&log.policy)?;
    show::print(&format!("{leaves} leaves up to epoch {} in {}", head.epoch, out.display()))?;
    Ok(Outcome::Fine)
}
