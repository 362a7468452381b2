//! The log: standard error, as text or JSON, with a filter that can change while it runs.

use anyhow::Context as _;
use tracing::Level;
use tracing_subscriber::filter::{FilterFn, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{Registry, reload};

use crate::config::{LogConfig, LogFormat};

/// Crates that log secrets (canonical requests, headers, frames, handshakes) at verbose levels. No
/// filter makes them log more than `info`.
const DISCREET: [&str; 6] = ["aws_sigv4", "aws_smithy", "h2", "rustls", "reqwest", "hyper"];

/// A pool of connections that logs an error for each connection it does not get: thousands while a server is away. Whoever waits for one
/// reports its own error.
const SAID_ELSEWHERE: &str = "sqlx_core::pool";

/// Changes the filter of the log.
#[derive(Clone, Debug)]
pub struct LogControl(reload::Handle<Targets, Registry>);

impl LogControl {
    /// Other directives from now on.
    ///
    /// # Errors
    /// They are malformed; the old ones stay.
    pub fn set(&self, filter: &str) -> anyhow::Result<()> {
        let filter = filter.parse::<Targets>().context("log.filter")?;
        self.0.reload(filter).context("cannot change the log's filter")
    }
}

/// Starts the log of the process. Once.
///
/// # Errors
/// The filter is malformed, or there is a log already.
pub fn start(config: &LogConfig) -> anyhow::Result<LogControl> {
    let filter = config.filter.parse::<Targets>().context("log.filter")?;
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        LogFormat::Json => lines.with_ansi(false).json().flatten_event(true).boxed(),
    };
    let subscriber = Registry::default()
        .with(filter)
        .with(FilterFn::new(|event| {
            !indiscreet(event.target(), *event.level()) && !event.target().starts_with(SAID_ELSEWHERE)
        }))
        .with(lines);
    tracing::subscriber::set_global_default(subscriber).context("cannot start the log")?;
    Ok(LogControl(handle))
}

fn indiscreet(target: &str, level: Level) -> bool {
    level > Level::INFO && DISCREET.iter().any(|name| target.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_would_show_secrets_are_never_verbose() {
        assert!(indiscreet("aws_sigv4::http_request::sign", Level::TRACE));
        assert!(indiscreet("h2::codec::framed_read", Level::DEBUG));
        assert!(!indiscreet("aws_sigv4", Level::WARN));
        assert!(!indiscreet("gateway::s3", Level::TRACE));
    }
}
