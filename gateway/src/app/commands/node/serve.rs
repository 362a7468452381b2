//! `haulout node`, from its sockets to the last reply.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::routing::get;
use backends::node::server::NodeServer;
use tokio_util::task::TaskTracker;

use crate::app::cli::RunNode;
use crate::app::commands::{Outcome, show};
use crate::app::listener::{ConnectionMonitor, Listener, Timeouts, bind};
use crate::app::ops::{self, MetricsPage};
use crate::app::signals::Signals;
use crate::app::startup::descriptors;
use crate::app::witness::{WitnessServer, make_key, router};
use crate::clock::Ambient;
use crate::config::Config;
use crate::settlement::planned_epoch;

/// Connections to the witness at once.
const WITNESS_CONNECTIONS: usize = 64;

/// Serves until a stop signal.
pub(super) async fn run(options: &RunNode, data: &Path, config: &Config) -> Result<Outcome> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    descriptors::raise();
    let listener = bind(options.listen)?;
    let address = listener.local_addr()?;
    let server = NodeServer::open(data, listener, options.settings())
        .with_context(|| format!("cannot run a node on {}; `haulout node init` makes one", data.display()))?;
    let witness = match options.witness {
        Some(listen) => Some(open_witness(listen, data, config)?),
        None => None,
    };
    let ops = match options.ops {
        Some(listen) => Some(open_ops(listen, config)?),
        None => None,
    };
    show::print(&format!("node {} listens on {address}", server.key()))?;
    if let Some(ops) = ops {
        show::print(&format!("health and metrics on {ops}"))?;
    }
    if let Some((address, key)) = witness {
        show::print(&format!("witness {key} listens on {address}"))?;
    }
    server.run(signals.stop()).await;
    Ok(Outcome::Fine)
}

/// Takes checkpoints of the logs that the witness was allowed, and what they follow from.
fn open_witness(listen: SocketAddr, data: &Path, config: &Config) -> Result<(SocketAddr, String)> {
    let signer = make_key(data)?;
    let key = signer.key().to_string();
    let socket = bind(listen)?;
    let address = socket.local_addr()?;
    let monitor =
        ConnectionMonitor::new(Timeouts { connections: WITNESS_CONNECTIONS, ..Timeouts::from(&config.limits) });
    tokio::spawn(Arc::clone(&monitor).sweep_for_ever());
    let handler = router(WitnessServer::new(data, signer, Ambient::system()), planned_epoch);
    tokio::spawn(Listener { socket, certificates: None, monitor, handler }.run(TaskTracker::new()));
    Ok((address, key))
}

/// Health and metrics, for those who watch the node.
fn open_ops(listen: SocketAddr, config: &Config) -> Result<SocketAddr> {
    let page = ops::install()?;
    let socket = bind(listen)?;
    let address = socket.local_addr()?;
    let monitor = ConnectionMonitor::new(Timeouts::from(&config.limits));
    tokio::spawn(Arc::clone(&monitor).sweep_for_ever());
    let page = MetricsPage::new(page, Arc::clone(&monitor));
    let handler = Router::new().route("/health", get(|| async { "alive\n" })).route(
        "/metrics",
        get(move || {
            let text = page.render();
            async move { text }
        }),
    );
    tokio::spawn(Listener { socket, certificates: None, monitor, handler }.run(TaskTracker::new()));
    Ok(address)
}
