//! From the command line to an exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::app::cli::{Cli, Command, Keys, Ledger};
use crate::app::commands::{self, OperationRunner, Outcome};
use crate::app::reload::ConfigSource;
use crate::app::{log, ops, serve};
use crate::clock::Ambient;
use crate::config::{Config, LogConfig};

/// Threads that may wait for disks. Each blocks for about a synced write; more would only queue in the kernel.
const BLOCKING_THREADS: usize = 64;
/// Stack of a thread, in bytes. Virtual until touched.
const STACK_BYTES: usize = 1 << 20;

/// Could not be done.
const FAILED: u8 = 2;
/// A problem was found.
const WRONG: u8 = 1;

/// Runs the program and answers its exit code: 0 fine, 1 found something wrong, 2 could not do it.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Wrong usage ends here with 2, --help and --version with 0.
    let cli = Cli::parse_from(arguments);
    match begin(&cli) {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Wrong) => ExitCode::from(WRONG),
        Err(error) => {
            eprintln!("haulout: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn begin(cli: &Cli) -> anyhow::Result<Outcome> {
    let _armed = backends::failpoint::arm();
    let source = ConfigSource { file: cli.config().map(Into::into), overrides: cli.overrides() };
    let config = source.read()?;
    // Files of this process are for its user alone: database, sockets, slivers.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // Several libraries use TLS; they all share one provider. A second call changes nothing.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_stack_size(STACK_BYTES)
        .thread_name("haulout")
        .build()
        .context("cannot start threads")?;
    let done = match cli.command() {
        Command::Serve(_) => runtime.block_on(start(source, config)).map(|()| Outcome::Fine),
        Command::Node(node) => {
            let data = node.data(cli.overrides().data);
            runtime.block_on(commands::node::run(node, &data, &config))
        }
        Command::Keys(Keys::Split { terms, out }) => {
            commands::key_shares::run_split(&terms, &out, &config, &Ambient::system())
        }
        Command::Keys(Keys::Combine { shares, out }) => commands::key_shares::run_combine(&shares, out, &config),
        Command::Recover(recover) if recover.command.is_none() => {
            log::start(&LogConfig { filter: "warn".to_owned(), ..config.log.clone() })?;
            runtime.block_on(commands::recover::run(&recover, &config, &Ambient::system()))
        }
        Command::Ledger(Ledger::Offline(ledger)) => commands::ledger::run_offline(ledger),
        command => {
            log::start(&LogConfig { filter: "warn".to_owned(), ..config.log.clone() })?;
            runtime.block_on(async { commands::run(command, &OperationRunner::new(config, Ambient::system())?).await })
        }
    };
    // Blocking tasks that are still running are abandoned.
    runtime.shutdown_background();
    done
}

async fn start(source: ConfigSource, config: Config) -> anyhow::Result<()> {
    let log = log::start(&config.log)?;
    let page = ops::install()?;
    serve::run(source, config, log, page).await
}
