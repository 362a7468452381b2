//! The configuration: what an operator decides, checked as a whole before anything starts.
//!
//! One TOML file and a handful of `HAULOUT_*` environment variables, each concern in a file of its own. Unknown keys
//! are refused with the line they stand on, and [`problems`] names everything that is wrong at
//! once, so that nobody fixes a configuration one error at a time. A value of type [`Config`] has passed all of it.

mod environment;
mod error;
mod line;
mod load;
mod secret;
mod sections;
mod validate;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use environment::Environment;
pub use error::{ConfigError, Problem};
pub use load::{Overrides, load, parse, parse_backend};
pub use secret::{RootCredentials, refused_secret};
pub use sections::audit::AuditConfig;
pub use sections::backend::BackendConfig;
pub use sections::cluster_key::ClusterKeyConfig;
pub use sections::debug::DebugConfig;
pub use sections::journal::JournalConfig;
pub use sections::kms::KmsConfig;
pub use sections::limits::LimitsConfig;
pub use sections::log::{LogConfig, LogFormat};
pub use sections::money::{MoneyConfig, WitnessConfig};
pub use sections::notification::NotificationTargetConfig;
pub use sections::objects::ObjectsConfig;
pub use sections::ops::OpsConfig;
pub use sections::s3::S3Config;
pub use sections::scrub::ScrubConfig;
pub use sections::storage_class::StorageClassConfig;
pub use sections::tls::TlsConfig;
pub use sections::website::WebsiteConfig;
pub use validate::{backend_problems, problems};

use codec::Scheme;

/// A whole, valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// How new blobs are encoded.
    pub scheme: Scheme,
    /// The schemes of the other storage classes, by name.
    pub storage_classes: BTreeMap<String, Scheme>,
    /// The data folder: database, cluster key, root credentials, admin socket and, by default, the backends.
    pub data: PathBuf,
    /// `sqlite:PATH` or `postgres://...`. May carry a password: never log it.
    pub database: String,
    /// What relative backend folders are relative to: the configuration file's folder, else the working directory.
    pub base: PathBuf,
    /// The S3 listener.
    pub s3: S3Config,
    /// Certificates, when S3 speaks TLS.
    pub tls: Option<TlsConfig>,
    /// The key service, if there is one.
    pub kms: Option<KmsConfig>,
    /// Where the cluster key comes from.
    pub cluster_key: ClusterKeyConfig,
    /// The listener for websites, if they are served.
    pub website: Option<WebsiteConfig>,
    /// The second listener, for health and metrics.
    pub ops: OpsConfig,
    /// Memory, connections, time.
    pub limits: LimitsConfig,
    /// Blobs, quilts, collection.
    pub objects: ObjectsConfig,
    /// Audits of backends.
    pub audit: AuditConfig,
    /// Epochs and prices.
    pub money: MoneyConfig,
    /// The metadata on the backends.
    pub journal: JournalConfig,
    /// Reading own disks through.
    pub scrub: ScrubConfig,
    /// Logs.
    pub log: LogConfig,
    /// For those who try things out.
    pub debug: DebugConfig,
    /// Where notifications of buckets may go.
    pub notification_targets: Vec<NotificationTargetConfig>,
    /// Where slivers go. Six local folders when the file names none.
    pub backends: Vec<BackendConfig>,
    /// The root user's key when the environment gives it; otherwise one is generated once.
    pub root: Option<RootCredentials>,
}

impl Config {
    /// Whether it names no backends, so that there are the default ones.
    #[must_use]
    pub fn has_default_backends(&self) -> bool {
        self.backends == BackendConfig::local_six(&self.data)
    }
}
