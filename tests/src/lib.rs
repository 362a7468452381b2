//! The harness: the real `haulout` binary on free ports with temporary data, a real database, and real clients.
//!
//! A scenario is an `async fn(&mut TestGateway) -> Result<()>`. [`on_both!`] runs it once on SQLite and once on
//! PostgreSQL. Whatever a scenario did, the invariants are checked afterwards ([`TestGateway::finish`]): `haulout check
//! --deep` finds nothing missing, wrong or left over; no secret and no plaintext is found where it must not be.

// The harness is outside the program: here clock and randomness are not parameters.
#![allow(clippy::disallowed_methods)]

mod backend_folders;
mod canary;
mod certificate;
mod check;
mod clients;
mod clock;
mod database;
mod exchange;
mod files;
mod fixture;
mod gateway;
mod history;
mod journal_names;
mod nodes;
mod payload;
mod program;
mod raw;
mod rollback;
mod s3;
mod settings;
mod text;
mod wait;
mod webhook;

pub use check::CheckReport;
pub use clients::{Clients, Scheme, path_with_clients};
pub use clock::WallClock;
pub use database::{Database, FreshDatabase, Replicas, Standby};
pub use exchange::{Exchange, Expected};
pub use files::{same_tree, write_tree};
pub use fixture::{Command, Fixture, OpenUpload};
pub use gateway::{TestGateway, binary};
pub use history::{Effect, Ending, History, Operation, Value, check_history};
pub use nodes::{
    Behaviour, ByzantineNode, Link, Namespaces, Passage, StorageNode, run_scenario_between, run_scenario_in_namespaces,
    run_scenario_on_nodes,
};
pub use payload::Payload;
pub use program::{Outcome, Program};
pub use raw::{RawReply, send_raw, send_raw_and_hang_up};
pub use rollback::{BackendBackup, DatabaseBackup};
pub use s3::{ListedPage, OpenReply, Reply, Request, S3, encode_key};
pub use settings::Settings;
pub use text::number_before;
pub use wait::{wait_blocking, wait_until};
pub use webhook::{Receiver, with_webhook};

use anyhow::Result;

/// Starts a gateway, runs the scenario on it, and checks the invariants afterwards.
///
/// # Errors
/// The gateway did not start, the scenario failed, or it left a state that breaks an invariant.
pub fn run_scenario(settings: Settings, scenario: impl AsyncFnOnce(&mut TestGateway) -> Result<()>) -> Result<()> {
    runtime()?.block_on(run_on(settings, scenario))
}

/// The same on a database of two PostgreSQL servers.
///
/// # Errors
/// Something did not start, the scenario failed, or it left a state that breaks an invariant.
pub fn run_scenario_on_replicas(
    settings: Settings,
    standby: Standby,
    scenario: impl AsyncFnOnce(&mut TestGateway, &mut Replicas) -> Result<()>,
) -> Result<()> {
    runtime()?.block_on(async {
        let mut replicas = Replicas::start(standby).await?;
        let (url, dump_url) = replicas.create_database().await?;
        let settings = settings.database_at(&url, &dump_url);
        run_on(settings, async |gateway| scenario(gateway, &mut replicas).await).await
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

async fn run_on(settings: Settings, scenario: impl AsyncFnOnce(&mut TestGateway) -> Result<()>) -> Result<()> {
    let mut gateway = TestGateway::start(settings).await?;
    match scenario(&mut gateway).await {
        Ok(()) => gateway.finish().await,
        Err(error) => {
            gateway.print_log();
            Err(error)
        }
    }
}

/// Runs each scenario on SQLite and on PostgreSQL. `settings => scenario, ..` starts the gateway with `settings(database)`.
#[macro_export]
macro_rules! on_both {
    ($settings:ident => $($scenario:ident),+ $(,)?) => { $crate::on_both!(@ super::$settings => $($scenario),+); };
    ($($scenario:ident),+ $(,)?) => { $crate::on_both!(@ $crate::Settings::new => $($scenario),+); };
    (@ $settings:path => $($scenario:ident),+) => {
        $(mod $scenario {
            #[test]
            fn sqlite() -> anyhow::Result<()> {
                $crate::run_scenario($settings($crate::Database::Sqlite), super::$scenario)
            }
            #[test]
            fn postgres() -> anyhow::Result<()> {
                $crate::run_scenario($settings($crate::Database::Postgres), super::$scenario)
            }
        })+
    };
}

/// Runs each scenario on SQLite only: for what does not touch SQL.
#[macro_export]
macro_rules! on_sqlite {
    ($settings:ident => $($scenario:ident),+ $(,)?) => { $crate::on_sqlite!(@ super::$settings => $($scenario),+); };
    ($($scenario:ident),+ $(,)?) => { $crate::on_sqlite!(@ $crate::Settings::new => $($scenario),+); };
    (@ $settings:path => $($scenario:ident),+) => {
        $(mod $scenario {
            #[test]
            fn sqlite() -> anyhow::Result<()> {
                $crate::run_scenario($settings($crate::Database::Sqlite), super::$scenario)
            }
        })+
    };
}

/// Runs each scenario on PostgreSQL only: for what takes several gateways.
#[macro_export]
macro_rules! on_postgres {
    ($settings:ident => $($scenario:ident),+ $(,)?) => {
        $(mod $scenario {
            #[test]
            fn postgres() -> anyhow::Result<()> {
                $crate::run_scenario(super::$settings($crate::Database::Postgres), super::$scenario)
            }
        })+
    };
}

/// A number from the environment, for scenarios that grow by hand: `HAULOUT_KILLS=50 tests/run kill_loop`.
#[must_use]
pub fn number_from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
