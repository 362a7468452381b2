//! `haulout serve`, from the first socket to the last commit.

use anyhow::{Context as _, bail};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::log::LogControl;
use crate::app::reload::{ConfigSource, reload};
use crate::app::server::Server;
use crate::app::signals::{Signal, Signals};
use crate::app::startup::data_folder::DataFolder;
use crate::app::startup::sockets::Sockets;
use crate::app::startup::{descriptors, startup_info};
use crate::clock::Ambient;
use crate::config::Config;

/// Why serving ended.
enum StopReason {
    /// A stop signal.
    Stop,
    /// The database has marked this incarnation dead: begin a new one.
    Fenced,
    /// Another copy of the database is at work.
    Cloned,
}

/// Serves until a stop signal.
///
/// # Errors
/// Start-up errors. Once it serves, only a database that refuses a new incarnation ends it with an error.
pub(super) async fn run(
    source: ConfigSource,
    mut config: Config,
    log: LogControl,
    page: PrometheusHandle,
) -> anyhow::Result<()> {
    let ambient = Ambient::system();
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let descriptors = descriptors::raise();
    tracing::debug!(descriptors, "file descriptors");
    // Addresses first: one that is in use should fail before a cluster is created.
    let mut sockets = Sockets::bind(&config)?;
    let folder = DataFolder::make(&config.data)?;
    let _lock = folder.lock()?;
    loop {
        let server = tokio::select! {
            server = Server::open(&config, folder.clone(), sockets, &ambient, &page) => server?,
            () = signals.stop() => return Ok(()),
        };
        startup_info::show(&config, server.startup_info())?;
        let reason = serve_until_stopped(&server, &source, &mut config, &log, &mut signals).await;
        server.shut_down(config.limits.shutdown(), signals.stop()).await;
        match reason {
            StopReason::Stop => return Ok(()),
            StopReason::Cloned => bail!("another copy of this database makes heartbeats of this cluster: stopped"),
            StopReason::Fenced => tracing::warn!("lease expired: beginning a new incarnation"),
        }
        sockets = Sockets::bind(&config)?;
    }
}

async fn serve_until_stopped(
    server: &Server,
    source: &ConfigSource,
    config: &mut Config,
    log: &LogControl,
    signals: &mut Signals,
) -> StopReason {
    loop {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = server.cloned() => return StopReason::Cloned,
            () = server.fenced() => return StopReason::Fenced,
        };
        match signal {
            Signal::Stop => return StopReason::Stop,
            Signal::Reload => reload(source, config, server.reloadable(), log),
        }
    }
}
