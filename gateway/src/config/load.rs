//! Reads the file, applies the environment and the command line over it, and validates the result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use codec::Scheme;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::config::environment::Environment;
use crate::config::error::{ConfigError, Problem};
use crate::config::line::{line_of, position};
use crate::config::secret::RootCredentials;
use crate::config::sections::audit::AuditConfig;
use crate::config::sections::backend::BackendConfig;
use crate::config::sections::cluster_key::ClusterKeyConfig;
use crate::config::sections::debug::DebugConfig;
use crate::config::sections::journal::JournalConfig;
use crate::config::sections::kms::KmsConfig;
use crate::config::sections::limits::LimitsConfig;
use crate::config::sections::log::LogConfig;
use crate::config::sections::money::MoneyConfig;
use crate::config::sections::notification::NotificationTargetConfig;
use crate::config::sections::objects::ObjectsConfig;
use crate::config::sections::ops::OpsConfig;
use crate::config::sections::s3::S3Config;
use crate::config::sections::scrub::ScrubConfig;
use crate::config::sections::storage_class::{self, StorageClassConfig};
use crate::config::sections::tls::TlsConfig;
use crate::config::sections::website::WebsiteConfig;
use crate::config::validate::problems;

/// The default scheme: any two of six backends may be lost.
const CLUSTER_KEY: &str = "HAULOUT_CLUSTER_KEY";
const SCHEME: &str = "rs-4-2";
/// The default data folder.
const DATA: &str = "haulout-data";

/// What the command line decides, above the file and the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--s3-listen`.
    pub s3_listen: Option<std::net::SocketAddr>,
}

/// The file as it is written.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct RawConfig {
    scheme: Option<String>,
    storage_class: BTreeMap<String, StorageClassConfig>,
    data: Option<PathBuf>,
    database: Option<String>,
    s3: S3Config,
    tls: Option<TlsConfig>,
    website: Option<WebsiteConfig>,
    ops: OpsConfig,
    kms: Option<KmsConfig>,
    cluster_key: ClusterKeyConfig,
    limits: LimitsConfig,
    objects: ObjectsConfig,
    audit: AuditConfig,
    money: MoneyConfig,
    journal: JournalConfig,
    scrub: ScrubConfig,
    log: LogConfig,
    debug: DebugConfig,
    backend: Vec<BackendConfig>,
    notification_target: Vec<NotificationTargetConfig>,
}

/// Reads a configuration; without a file, everything has a default.
///
/// # Errors
/// The file cannot be read, is malformed, or describes something that cannot work.
pub fn load(file: Option<&Path>, overrides: &Overrides, environment: &Environment) -> Result<Config, ConfigError> {
    let text = match file {
        None => String::new(),
        Some(file) => {
            std::fs::read_to_string(file).map_err(|cause| ConfigError::Unreadable { file: file.to_owned(), cause })?
        }
    };
    parse(&text, file, overrides, environment)
}

/// The same from text; `file` is named in errors, and paths in the text are relative to its folder.
///
/// # Errors
/// The text is malformed, or describes something that cannot work.
pub fn parse(
    text: &str,
    file: Option<&Path>,
    overrides: &Overrides,
    environment: &Environment,
) -> Result<Config, ConfigError> {
    let written: RawConfig = toml::from_str(text).map_err(|error| syntax(text, file, &error))?;
    let (config, mut found) = resolve(written, file, overrides, environment);
    found.extend(problems(&config));
    if found.is_empty() {
        return Ok(config);
    }
    for problem in &mut found {
        if let (Some(file), Some(line)) = (file, line_of(text, &problem.location)) {
            problem.location = format!("{}:{line}: {}", file.display(), problem.location);
        }
    }
    Err(ConfigError::Problems(found))
}

/// A file with one `[[backend]]` and nothing else, as the configuration would have it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackendFile {
    backend: Vec<BackendConfig>,
}

/// Reads a backend from a text that is to become a part of the configuration: one `[[backend]]` and nothing else.
///
/// # Errors
/// The text is malformed, has not exactly one backend, or needs an environment variable that is not set.
pub fn parse_backend(text: &str, environment: &Environment) -> Result<BackendConfig, ConfigError> {
    let file = Path::new("backend");
    let mut written: BackendFile = toml::from_str(text).map_err(|error| syntax(text, Some(file), &error))?;
    let (Some(mut backend), true) = (written.backend.pop(), written.backend.is_empty()) else {
        return Err(ConfigError::Problems(vec![Problem::at("backend", "the file describes one backend")]));
    };
    match backend.expand(0, environment) {
        found if found.is_empty() => Ok(backend),
        found => Err(ConfigError::Problems(found)),
    }
}

fn syntax(text: &str, file: Option<&Path>, error: &toml::de::Error) -> ConfigError {
    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
    let file = file.unwrap_or(Path::new("configuration")).to_owned();
    ConfigError::Syntax { file, line, column, text: error.message().trim().replace('\n', ", ") }
}

fn resolve(
    written: RawConfig,
    file: Option<&Path>,
    overrides: &Overrides,
    environment: &Environment,
) -> (Config, Vec<Problem>) {
    let mut found = Vec::new();
    let base = file.and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
    let data = overrides.data.clone().unwrap_or_else(|| base.join(written.data.unwrap_or_else(|| DATA.into())));

    let mut s3 = written.s3;
    s3.listen = overrides.s3_listen.unwrap_or(s3.listen);
    let tls = written.tls.map(|tls| TlsConfig {
        certificate: base.join(tls.certificate),
        key: base.join(tls.key),
        listen: tls.listen,
    });

    let mut backends = written.backend;
    for (index, backend) in backends.iter_mut().enumerate() {
        found.extend(backend.expand(index, environment));
    }
    let mut targets = written.notification_target;
    for (index, target) in targets.iter_mut().enumerate() {
        found.extend(target.expand(index, environment));
    }
    if backends.is_empty() {
        backends = BackendConfig::local_six(&data);
    }

    let standard = scheme(written.scheme.as_deref(), &mut found);
    let config = Config {
        storage_classes: storage_class::resolve(&written.storage_class, standard, &mut found),
        scheme: standard,
        database: database(written.database, &base, &data, environment, &mut found),
        root: root(environment, &mut found),
        base,
        data,
        s3,
        tls,
        website: written.website,
        ops: written.ops,
        kms: written.kms,
        cluster_key: cluster_key(written.cluster_key, environment, &mut found),
        limits: written.limits,
        objects: written.objects,
        audit: written.audit,
        money: money(written.money, environment, &mut found),
        journal: written.journal,
        scrub: written.scrub,
        log: written.log,
        debug: written.debug,
        notification_targets: targets,
        backends,
    };
    (config, found)
}

/// The key in the environment counts before the command, and that before the file.
fn cluster_key(written: ClusterKeyConfig, environment: &Environment, found: &mut Vec<Problem>) -> ClusterKeyConfig {
    if written.command.as_ref().is_some_and(Vec::is_empty) {
        found.push(Problem::at("cluster_key.command", "a program and its arguments, each a text of its own"));
    }
    ClusterKeyConfig { value: environment.get(CLUSTER_KEY).map(|value| value.to_owned().into()), ..written }
}

fn scheme(written: Option<&str>, found: &mut Vec<Problem>) -> Scheme {
    let text = written.unwrap_or(SCHEME);
    text.parse().unwrap_or_else(|_| {
        found.push(Problem::at("scheme", format!("there is no scheme {text:?}; try \"rs-4-2\" or \"copy-3\"")));
        SCHEME.parse().expect("the default scheme is one of the schemes")
    })
}

fn database(
    written: Option<String>,
    base: &Path,
    data: &Path,
    environment: &Environment,
    found: &mut Vec<Problem>,
) -> String {
    if let Some(url) = environment.get("HAULOUT_DATABASE_URL") {
        return url.to_owned();
    }
    let Some(written) = written else {
        return format!("sqlite:{}", data.join("metadata.sqlite").display());
    };
    let url = environment.expand(&written).unwrap_or_else(|name| {
        found.push(Problem::at("database", format!("the environment variable {name} is not set")));
        written.clone()
    });
    match url.strip_prefix("sqlite:") {
        Some(path) => format!("sqlite:{}", base.join(path).display()),
        None => url,
    }
}

/// With the length of an epoch from the environment, if it is there.
fn money(mut written: MoneyConfig, environment: &Environment, found: &mut Vec<Problem>) -> MoneyConfig {
    if let Some(text) = environment.get("HAULOUT_EPOCH") {
        match text.parse() {
            Ok(seconds) => written.epoch = seconds,
            Err(_) => {
                found.push(Problem::at("money.epoch", format!("HAULOUT_EPOCH is no number of seconds: {text:?}")))
            }
        }
    }
    written
}

fn root(environment: &Environment, found: &mut Vec<Problem>) -> Option<RootCredentials> {
    const NAMES: [&str; 2] = ["HAULOUT_ROOT_ACCESS_KEY", "HAULOUT_ROOT_SECRET_KEY"];
    match NAMES.map(|name| environment.get(name)) {
        [None, None] => None,
        [Some(access_key), Some(secret_key)] => Some(RootCredentials {
            access_key: access_key.to_owned(),
            secret_key: Zeroizing::new(secret_key.to_owned()),
        }),
        [given, _] => {
            let missing = if given.is_some() { NAMES[1] } else { NAMES[0] };
            found.push(Problem::at(missing, "set both halves of the root key, or neither"));
            None
        }
    }
}
