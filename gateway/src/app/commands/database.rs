//! `haulout database`.

use anyhow::Result;

use crate::admin::ConfirmDatabase;
use crate::app::cli::Database;
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};

pub(super) async fn run(runner: &OperationRunner, database: Database) -> Result<Outcome> {
    let Database::Confirm { json } = database;
    let reply = runner.run(ConfirmDatabase {}).await?;
    if json {
        show::json(&reply)?;
    } else {
        let all = [
            (&reply.confirmed, "goes on from this database"),
            (&reply.unanswered, "did not answer: confirm again when it does"),
            (&reply.flagged, "has another problem: see `haulout backend list`"),
        ];
        for (names, what) in all {
            names.iter().try_for_each(|name| show::print(&format!("{name}: {what}")))?;
        }
        if reply.confirmed.is_empty() && reply.unanswered.is_empty() {
            show::print("no backend is newer than this database: nothing to confirm")?;
        }
    }
    Ok(if reply.unanswered.is_empty() && reply.flagged.is_empty() { Outcome::Fine } else { Outcome::Wrong })
}
