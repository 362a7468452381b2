//! `haulout node`: the one command beside `serve` that runs until it is stopped.

mod admission;
mod init;
mod join;
mod price_floor;
mod serve;
mod witness;

use std::path::Path;

use anyhow::Result;

use crate::app::cli::{Node, NodeCommand};
use crate::app::commands::Outcome;
use crate::app::log;
use crate::config::{Config, LogConfig};

/// Runs a node, or a command about one.
pub(in crate::app) async fn run(node: Node, data: &Path, config: &Config) -> Result<Outcome> {
    let quiet = || LogConfig { filter: "warn".to_owned(), ..config.log.clone() };
    let log = if node.command.is_none() { config.log.clone() } else { quiet() };
    log::start(&log)?;
    match node.command {
        None => serve::run(&node.run, data, config).await,
        Some(NodeCommand::Init { listen, name }) => init::run(data, &listen, &name),
        Some(NodeCommand::Join { token, listen, name }) => join::run(data, &token, &listen, &name),
        Some(NodeCommand::Allow { key, quota, name }) => admission::allow(data, &key, quota, name),
        Some(NodeCommand::Revoke { key }) => admission::revoke(data, &key),
        Some(NodeCommand::PriceFloor { epoch, storage, write, cluster }) => {
            price_floor::run(data, epoch, storage, write, cluster)
        }
        Some(NodeCommand::Witness(command)) => witness::run(data, command),
        Some(NodeCommand::Clusters { json }) => admission::clusters(data, json),
    }
}
