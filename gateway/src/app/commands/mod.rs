//! The commands beside `serve`: each runs an admin operation and prints its reply.

mod audit;
mod backend;
mod check;
mod collect;
mod database;
mod gateway;
pub(super) mod key_shares;
mod keys;
pub(super) mod ledger;
mod money;
mod moves;
pub(super) mod node;
mod outcome;
mod placement;
mod provider;
mod quota;
pub(super) mod recover;
mod runner;
mod show;
mod staking;
mod user;

use anyhow::Result;

pub(super) use outcome::Outcome;
pub(super) use runner::OperationRunner;
pub(super) use show::print;

use crate::admin::Check;
use crate::app::cli::{Command, Database, Recover, RecoverCommand};

/// Runs a command that is not `serve`.
pub(super) async fn run(command: Command, runner: &OperationRunner) -> Result<Outcome> {
    match command {
        // These run without a runner.
        Command::Serve(_) | Command::Node(_) | Command::Recover(Recover { command: None, .. }) => Ok(Outcome::Fine),
        Command::Recover(Recover { command: Some(RecoverCommand::Confirm { json }), .. }) => {
            database::run(runner, Database::Confirm { json }).await
        }
        Command::Check { deep, repair, json } => check::run(runner, Check { deep, repair }, json).await,
        Command::Collect { orphans, json } => collect::run(runner, orphans, json).await,
        Command::Keys(keys) => keys::run(runner, keys).await,
        Command::Ledger(ledger) => ledger::run(runner, ledger).await,
        Command::Audit(audit) => audit::run(runner, audit).await,
        Command::Backend(backend) => backend::run(runner, backend).await,
        Command::Bucket(bucket) => placement::bucket(runner, bucket).await,
        Command::Placement(placement) => placement::run(runner, placement).await,
        Command::Provider(provider) => provider::run(runner, provider).await,
        Command::Repair(repair) => provider::repair(runner, repair).await,
        Command::Database(database) => database::run(runner, database).await,
        Command::User(user) => user::run(runner, user).await,
        Command::Account(account) => money::account(runner, account).await,
        Command::Quote(quote) => money::quote(runner, quote).await,
        Command::Usage(usage) => money::usage(runner, usage).await,
        Command::Invoice(invoice) => money::invoice(runner, invoice).await,
        Command::Settle(settle) => money::settle(runner, &settle).await,
        Command::Epoch(epoch) => money::epoch(runner, epoch).await,
        Command::Gateway(gateway) => gateway::run(runner, gateway).await,
        Command::Stake(stake) => staking::stake(runner, stake).await,
        Command::Vote(vote) => staking::vote(runner, vote).await,
        Command::Quota(quota) => quota::run(runner, quota).await,
    }
}
