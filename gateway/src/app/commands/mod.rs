//! The commands beside `serve`: each asks for an operation and shows what came of it.

mod ask;
mod backend;
mod check;
mod collect;
mod database;
mod keys;
mod quota;
mod show;
mod user;

use anyhow::Result;

pub(super) use ask::Asker;
pub(super) use show::print;

use super::cli::Command;

/// What a command says to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything is as it should be.
    Fine,
    /// Something wrong was found.
    Wrong,
}

/// Runs a command that is not `serve`.
pub(super) async fn run(command: Command, asker: &Asker) -> Result<Outcome> {
    match command {
        Command::Serve(_) => Ok(Outcome::Fine),
        Command::Check { deep, json } => check::run(asker, deep, json).await,
        Command::Collect { json } => collect::run(asker, json).await,
        Command::Keys(keys) => keys::run(asker, keys).await,
        Command::Backend(backend) => backend::run(asker, backend).await,
        Command::Database(database) => database::run(asker, database).await,
        Command::User(user) => user::run(asker, user).await,
        Command::Quota(quota) => quota::run(asker, quota).await,
    }
}
