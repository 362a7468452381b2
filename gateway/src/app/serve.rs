//! `haulout serve`, from the first socket to the last commit.

use anyhow::{Context as _, bail};
use metrics_exporter_prometheus::PrometheusHandle;

use super::banner;
use super::data_folder::DataFolder;
use super::descriptors;
use super::house::House;
use super::log::LogControl;
use super::reload::{Source, reload};
use super::signals::{Signal, Signals};
use super::sockets::Sockets;
use crate::clock::Ambient;
use crate::config::Config;

/// Why a house is left.
enum Leave {
    /// The operator said so.
    Stop,
    /// The database has buried this incarnation: begin a new one.
    Fenced,
    /// Another copy of the database is at work.
    Cloned,
}

/// Serves until told to stop.
///
/// # Errors
/// Whatever keeps it from starting. Once it serves, only a database that refuses a new incarnation ends it with one.
pub(super) async fn run(
    source: Source,
    mut config: Config,
    log: LogControl,
    page: PrometheusHandle,
) -> anyhow::Result<()> {
    let ambient = Ambient::system();
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let descriptors = descriptors::raise();
    tracing::debug!(descriptors, "file descriptors");
    // Addresses first: one that is taken should be found out before a cluster is founded.
    let mut sockets = Sockets::bind(&config)?;
    let folder = DataFolder::make(&config.data)?;
    let _lock = folder.lock()?;
    loop {
        let house = tokio::select! {
            house = House::open(&config, folder.clone(), sockets, &ambient, &page) => house?,
            () = signals.stop() => return Ok(()),
        };
        banner::show(&config, house.door_plate())?;
        let leave = stay(&house, &source, &mut config, &log, &mut signals).await;
        house.leave(config.limits.shutdown(), signals.stop()).await;
        match leave {
            Leave::Stop => return Ok(()),
            Leave::Cloned => bail!("another copy of this database makes heartbeats of this cluster: stopped"),
            Leave::Fenced => tracing::warn!("beginning a new incarnation"),
        }
        sockets = Sockets::bind(&config)?;
    }
}

async fn stay(house: &House, source: &Source, config: &mut Config, log: &LogControl, signals: &mut Signals) -> Leave {
    loop {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = house.cloned() => return Leave::Cloned,
            () = house.fenced() => return Leave::Fenced,
        };
        match signal {
            Signal::Stop => return Leave::Stop,
            Signal::Reload => reload(source, config, house.reloadable(), log),
        }
    }
}
