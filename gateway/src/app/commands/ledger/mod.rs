//! `haulout ledger`.

mod export;
mod folder;
mod names;
mod prove;
mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::admin::ShowLog;
use crate::app::cli::{Ledger, OfflineLedger};
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};

pub(super) async fn run(runner: &OperationRunner, ledger: Ledger) -> Result<Outcome> {
    match ledger {
        Ledger::Checkpoint { policy, json } => checkpoint(runner, policy, json).await,
        Ledger::Export { out } => export::run(runner, &out).await,
        Ledger::Offline(offline) => run_offline(offline),
    }
}

/// Runs what needs no gateway, no data folder and no database.
pub(in crate::app) fn run_offline(offline: OfflineLedger) -> Result<Outcome> {
    match offline {
        OfflineLedger::Verify { dir, policy, seen } => verify::run(&dir, policy.as_deref(), &seen),
        OfflineLedger::Prove { dir, id, out } => prove::run(&dir, &id, out),
        OfflineLedger::Check { file, policy } => prove::check(&file, &policy),
        OfflineLedger::Names { file } => names::run(&file),
    }
}

/// Writes the proof of one transfer, from an export.
pub(super) fn prove(export: &Path, id: &str, out: PathBuf) -> Result<Outcome> {
    prove::run(export, id, Some(out))
}

async fn checkpoint(runner: &OperationRunner, policy: bool, json: bool) -> Result<Outcome> {
    let log = runner.run(ShowLog {}).await?;
    if json {
        show::json(&log)?;
        return Ok(Outcome::Fine);
    }
    let text = match log.checkpoint {
        _ if policy => log.policy,
        Some(checkpoint) => checkpoint.note,
        None => bail!("no epoch of the ledger was published yet"),
    };
    show::print(text.trim_end_matches('\n'))?;
    Ok(Outcome::Fine)
}
