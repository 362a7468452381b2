//! `haulout node witness`.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::app::cli::WitnessCommand;
use crate::app::commands::{Outcome, show};
use crate::app::witness::{AllowedLog, AllowedLogs, KeptLog, make_key};

/// A log, as it is printed.
#[derive(Serialize)]
struct Shown {
    log: String,
    is_recomputed: bool,
    cosigned: u64,
    recomputed: u64,
    epoch: Option<u64>,
    refusals: Vec<String>,
}

pub(super) fn run(data: &Path, command: WitnessCommand) -> Result<Outcome> {
    match command {
        WitnessCommand::Key => show::print(&make_key(data)?.key().to_string())?,
        WitnessCommand::Allow { key, unchecked } => {
            let (name, witness) = (key.name.to_string(), make_key(data)?);
            AllowedLogs::allow(data, AllowedLog { key, is_recomputed: !unchecked })?;
            show::print(&format!("the witness {} cosigns {name}", witness.key()))?;
        }
        WitnessCommand::Revoke { origin } => {
            let was_allowed = AllowedLogs::revoke(data, &origin)?;
            show::print(if was_allowed { "revoked" } else { "the log was not allowed" })?;
            return Ok(if was_allowed { Outcome::Fine } else { Outcome::Wrong });
        }
        WitnessCommand::Logs { json } => logs(data, json)?,
    }
    Ok(Outcome::Fine)
}

fn logs(data: &Path, json: bool) -> Result<()> {
    let mut all = Vec::new();
    for log in AllowedLogs::read(data)?.0 {
        let KeptLog { cosigned, recomputed, refusals } = KeptLog::read(data, log.key.name.as_str())?;
        all.push(Shown {
            log: log.key.to_string(),
            is_recomputed: log.is_recomputed,
            cosigned: cosigned.size,
            recomputed: recomputed.tree.size(),
            epoch: recomputed.ledger.epoch.map(|epoch| epoch.0),
            refusals,
        });
    }
    if json {
        return show::json(&all);
    }
    let row = |log: &Shown| {
        let epoch = log.epoch.map_or_else(|| "none".to_owned(), |epoch| epoch.to_string());
        let recomputed = if log.is_recomputed { log.recomputed.to_string() } else { "not asked for".to_owned() };
        [log.log.clone(), log.cosigned.to_string(), recomputed, epoch, log.refusals.len().to_string()]
    };
    show::table(["LOG", "COSIGNED", "RECOMPUTED", "EPOCH", "REFUSALS"], &all.iter().map(row).collect::<Vec<_>>())
}
