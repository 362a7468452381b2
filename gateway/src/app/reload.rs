//! SIGHUP: reloads the configuration and applies what can change at run time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use codec::Scheme;

use crate::app::log::LogControl;
use crate::app::server::Reloadable;
use crate::config::{Config, ConfigError, Environment, Overrides, load};

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub(super) struct ConfigSource {
    /// The file.
    pub(super) file: Option<PathBuf>,
    /// Overrides of the command line.
    pub(super) overrides: Overrides,
}

impl ConfigSource {
    /// Reads and checks it.
    pub(super) fn read(&self) -> Result<Config, ConfigError> {
        load(self.file.as_deref(), &self.overrides, &Environment::of_process())
    }
}

/// Reads the configuration again. An invalid one changes nothing; `running` is what is in force afterwards.
pub(super) fn reload(source: &ConfigSource, running: &mut Config, server: &Reloadable, log: &LogControl) {
    let fresh = match source.read() {
        Ok(fresh) => fresh,
        Err(error) => return tracing::error!("the configuration was not reloaded: {error}"),
    };
    if let (Some(certificates), Some(files)) = (&server.certificates, &fresh.tls)
        && let Err(error) = certificates.reload(files)
    {
        return tracing::error!("the configuration was not reloaded: [tls]: {error}");
    }
    if fresh.log.filter != running.log.filter
        && let Err(error) = log.set(&fresh.log.filter)
    {
        return tracing::error!("the configuration was not reloaded: {error:#}");
    }
    server.set_limits(&fresh.limits);
    let later = needs_restart(running, &fresh);
    running.tls.clone_from(&fresh.tls);
    running.log.filter = fresh.log.filter;
    running.limits = fresh.limits;
    if later.is_empty() {
        tracing::info!("the configuration was reloaded");
    } else {
        tracing::warn!(needs_restart = later.join(", "), "the configuration was reloaded; some changes need a restart");
    }
}

/// The classes that have schemes of their own; the others go with the first.
fn classes(config: &Config) -> BTreeMap<&str, Scheme> {
    let own = config.storage_classes.iter().filter(|(_, scheme)| **scheme != config.scheme);
    own.map(|(name, scheme)| (name.as_str(), *scheme)).collect()
}

/// What differs and cannot change while it runs.
fn needs_restart(running: &Config, fresh: &Config) -> Vec<&'static str> {
    let listen = |config: &Config| config.tls.as_ref().map(|tls| tls.listen);
    let unverified = |config: &Config| (config.limits.unverified_bodies, config.limits.unverified_bodies_per_peer);
    let differences = [
        ("scheme", running.scheme != fresh.scheme),
        ("[storage_class]", classes(running) != classes(fresh)),
        ("data", running.data != fresh.data),
        ("database", running.database != fresh.database),
        ("[s3]", running.s3 != fresh.s3),
        ("[tls] listen", listen(running) != listen(fresh)),
        ("[kms]", running.kms != fresh.kms),
        ("[cluster_key]", running.cluster_key != fresh.cluster_key),
        ("[website]", running.website != fresh.website),
        ("[ops]", running.ops != fresh.ops),
        ("[limits] memory_bytes", running.limits.memory_bytes != fresh.limits.memory_bytes),
        ("[limits] body_seconds", running.limits.body_seconds != fresh.limits.body_seconds),
        ("[limits] unverified_bodies", unverified(running) != unverified(fresh)),
        ("[objects]", running.objects != fresh.objects),
        ("[audit]", running.audit != fresh.audit),
        ("[money]", running.money != fresh.money),
        ("[journal]", running.journal != fresh.journal),
        ("[scrub]", running.scrub != fresh.scrub),
        ("[log] format", running.log.format != fresh.log.format),
        ("[debug]", running.debug != fresh.debug),
        ("[[notification_target]]", running.notification_targets != fresh.notification_targets),
        ("[[backend]]", running.backends != fresh.backends),
        ("the root key", running.root != fresh.root),
    ];
    differences.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn config(text: &str) -> Config {
        parse(text, None, &Overrides::default(), &Environment::default()).unwrap()
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let running = config("");
        let nothing = config("[log]\nfilter = \"debug\"\n[limits]\nidle_seconds = 5\nconnections = 9");
        assert_eq!(needs_restart(&running, &nothing), [""; 0]);
        let much = config(
            "scheme = \"rs-2-1\"\ndata = \"e\"\n[limits]\nmemory_bytes = 99_000_000\n[tls]\ncertificate = \"c\"\nkey = \"k\"",
        );
        let named = needs_restart(&running, &much);
        let expected = ["scheme", "data", "database", "[tls] listen", "[limits] memory_bytes", "[[backend]]"];
        assert_eq!(named, expected);
    }
}
