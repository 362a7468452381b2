//! Everything that can be wrong with a configuration that reads well. Pure: no file, no network, no clock.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::config::error::Problem;
use crate::config::secret::refused_secret;
use crate::config::sections::backend::BackendConfig;
use crate::domain::BackendId;

/// Memory that the largest stripes of a handful of requests need.
const MEMORY_BYTES_MIN: u64 = 32 << 20;
/// Smaller blobs would cost more in headers and rows than they hold.
const BLOB_BYTES_MIN: u64 = 1 << 20;
/// Blob lengths are far below what the format can count, but a single sliver should stay easy to move.
const BLOB_BYTES_MAX: u64 = 1 << 30;
/// Amazon's own bound on an object.
const OBJECT_BYTES_MAX: u64 = 50 << 40;
/// Slower scrubbing would not come round a disk of a terabyte within two weeks.
const SCRUB_RATE_MIN: u64 = 1 << 20;
/// No disks together are faster.
const SCRUB_RATE_MAX: u64 = 1 << 40;
/// Names of buckets or providers in metrics: more would make the page of metrics too long.
const METRIC_NAMES_MAX: usize = 10_000;
/// From what a test can wait for to a year.
const EPOCH_SECONDS: std::ops::RangeInclusive<u64> = 1..=366 * 86_400;
/// All FROST that there will be: 5 * 10^9 WAL.
const FROST_MAX: u64 = 5_000_000_000_000_000_000;

/// Names everything that is wrong; empty when nothing is.
#[must_use]
pub fn problems(config: &Config) -> Vec<Problem> {
    let sections = [
        backends(config),
        listeners(config),
        database(config),
        limits(config),
        objects(config),
        audit(config),
        money(config),
        journal(config),
        scrub(config),
        log(config),
        root(config),
    ];
    sections.concat()
}

/// What is wrong with each of these backends, and between them.
#[must_use]
pub fn backend_problems(backends: &[BackendConfig]) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    let mut urls = BTreeMap::new();
    for (index, backend) in backends.iter().enumerate() {
        let at = |key: &str| format!("backend.{index}.{key}");
        if let Err(error) = backend.name.parse::<BackendId>() {
            found.push(Problem::at(at("name"), error.to_string()));
        }
        if !names.insert(&backend.name) {
            found.push(Problem::at(at("name"), format!("there are two backends named {:?}", backend.name)));
        }
        if backend.url.trim().is_empty() {
            found.push(Problem::at(at("url"), "a backend needs a location: a folder or a URL"));
        } else if let Some(other) = urls.insert(backend.url.trim_end_matches('/'), &backend.name) {
            let text = format!("{other:?} has the same location: losing it would lose two slivers of each blob");
            found.push(Problem::at(at("url"), text));
        }
        if backend.provider.as_deref() == Some("") {
            found.push(Problem::at(at("provider"), "a provider has a name; leave it out to use the backend's"));
        }
        if !(1..=1_000).contains(&backend.weight) {
            found.push(Problem::at(at("weight"), "a share in relation to other backends' weights: 1 to 1000"));
        }
    }
    found
}

fn backends(config: &Config) -> Vec<Problem> {
    let mut found = backend_problems(&config.backends);
    let providers: BTreeSet<_> = config.backends.iter().map(BackendConfig::provider).collect();
    let classes = config.storage_classes.iter().filter(|(_, scheme)| **scheme != config.scheme);
    let classes = classes.map(|(name, scheme)| (format!("storage_class.{name}.scheme"), *scheme));
    for (location, scheme) in std::iter::once(("scheme".to_owned(), config.scheme)).chain(classes) {
        let needed = scheme.n();
        if providers.len() < needed {
            let text = format!(
                "{scheme} puts each blob with {needed} different providers, but there are only {} ({} backends)",
                providers.len(),
                config.backends.len()
            );
            found.push(Problem::at(location, text));
        }
    }
    found
}

fn listeners(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    let tls = config.tls.as_ref().and_then(|tls| tls.listen);
    let listeners = [
        ("s3.listen", Some(config.s3.listen)),
        ("tls.listen", tls),
        ("website.listen", config.website.as_ref().map(|website| website.listen)),
        ("ops.listen", Some(config.ops.listen)),
    ];
    let mut taken = BTreeMap::new();
    for (key, listen) in listeners.into_iter().filter_map(|(key, listen)| Some((key, listen?))) {
        // Port 0 asks for any free port: two of those never collide.
        if listen.port() != 0
            && let Some(other) = taken.insert(listen, key)
        {
            found.push(Problem::at(key, format!("{listen} is already taken by {other}")));
        }
    }
    found.extend(domains("s3", &config.s3.base_domains));
    if let Some(website) = &config.website {
        found.extend(domains("website", &website.base_domains));
        if website.tls && config.tls.is_none() {
            found.push(Problem::at("website.tls", "there are no certificates: add [tls]"));
        }
    }
    let region = &config.s3.region;
    if region.is_empty() || !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        found.push(Problem::at("s3.region", "a region is made of a-z, 0-9 and '-'"));
    }
    if !(1..=OBJECT_BYTES_MAX).contains(&config.s3.object_bytes_max) {
        found.push(Problem::at("s3.object_bytes_max", format!("choose 1 to {OBJECT_BYTES_MAX} bytes")));
    }
    found
}

fn domains(section: &str, domains: &[String]) -> Vec<Problem> {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let refused = |domain: &String| {
        domain.is_empty() || !domain.chars().all(letter) || domain.starts_with('.') || domain.ends_with('.')
    };
    let problem = |(index, domain): (usize, &String)| {
        let text = format!("{domain:?} is no host name: lower case, no port, no dot at either end");
        Problem::at(format!("{section}.base_domains.{index}"), text)
    };
    domains.iter().enumerate().filter(|(_, domain)| refused(domain)).map(problem).collect()
}

fn database(config: &Config) -> Vec<Problem> {
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if known.iter().any(|scheme| config.database.len() > scheme.len() && config.database.starts_with(scheme)) {
        Vec::new()
    } else {
        // The text itself may be a password in the wrong place: not repeated.
        vec![Problem::at("database", "a database is \"sqlite:PATH\" or \"postgres://USER:PASSWORD@HOST/NAME\"")]
    }
}

fn limits(config: &Config) -> Vec<Problem> {
    let limits = &config.limits;
    let mut found = Vec::new();
    if limits.memory_bytes < MEMORY_BYTES_MIN {
        found.push(Problem::at("limits.memory_bytes", format!("at least {MEMORY_BYTES_MIN} bytes are needed")));
    }
    for (key, value) in [("connections", limits.connections), ("requests", limits.requests)] {
        if !(1..=1_000_000).contains(&value) {
            found.push(Problem::at(format!("limits.{key}"), "choose 1 to 1000000"));
        }
    }
    let seconds = [
        ("first_byte_seconds", limits.first_byte_seconds),
        ("header_seconds", limits.header_seconds),
        ("handshake_seconds", limits.handshake_seconds),
        ("idle_seconds", limits.idle_seconds),
        ("body_seconds", limits.body_seconds),
        ("write_seconds", limits.write_seconds),
    ];
    for (key, value) in seconds {
        if !(1..=86_400).contains(&value) {
            found.push(Problem::at(format!("limits.{key}"), "choose 1 to 86400 seconds"));
        }
    }
    found
}

fn objects(config: &Config) -> Vec<Problem> {
    let objects = &config.objects;
    let mut found = Vec::new();
    if !(BLOB_BYTES_MIN..=BLOB_BYTES_MAX).contains(&objects.blob_bytes_max) {
        let text = format!("choose {BLOB_BYTES_MIN} to {BLOB_BYTES_MAX} bytes");
        found.push(Problem::at("objects.blob_bytes_max", text));
    }
    if objects.quilt_bytes_max > objects.blob_bytes_max {
        found.push(Problem::at("objects.quilt_bytes_max", "a quilt is a blob: at most blob_bytes_max"));
    }
    if objects.quilt_object_bytes_max > objects.quilt_bytes_max {
        let text = "an object must fit its quilt: at most quilt_bytes_max";
        found.push(Problem::at("objects.quilt_object_bytes_max", text));
    }
    if objects.linger_ms > 1_000 {
        found.push(Problem::at("objects.linger_ms", "every small PUT would wait this long: at most 1000"));
    }
    for (key, seconds) in [
        ("objects.heartbeat_seconds", objects.heartbeat_seconds),
        ("objects.heartbeat_remote_seconds", objects.heartbeat_remote_seconds),
    ] {
        if !(1..=86_400).contains(&seconds) {
            found.push(Problem::at(key, "what happens between two heartbeats can be rolled back unseen: 1 to 86400"));
        }
    }
    if objects.grace_seconds < 0 {
        found.push(Problem::at("objects.grace_seconds", "time does not run backwards: 0 or more"));
    }
    found
}

fn audit(config: &Config) -> Vec<Problem> {
    let audit = &config.audit;
    let bounds = [
        ("epoch_seconds", audit.epoch_seconds, 1..=30 * 86_400),
        ("samples", audit.samples, 1..=10_000),
        ("slivers_per_sample", audit.slivers_per_sample, 1..=u32::MAX),
        ("reads_percent", audit.reads_percent.into(), 0..=100),
        ("answer_seconds", audit.answer_seconds, 1..=300),
        ("retry_seconds", audit.retry_seconds, 1..=30 * 86_400),
        ("tries", audit.tries, 1..=100),
        ("recheck_percent", audit.recheck_percent.into(), 0..=100),
        ("keep_days", audit.keep_days, 1..=3_650),
        ("suspend_below", audit.suspend_below, 0..=1_000),
        ("unreliable_below", audit.unreliable_below, 0..=1_000),
        ("vetting_weight_percent", audit.vetting_weight_percent.into(), 1..=100),
        ("vetting_slivers_percent", audit.vetting_slivers_percent.into(), 1..=100),
    ];
    let refused = bounds.into_iter().filter(|(_, value, allowed)| !allowed.contains(value));
    let text = |key, allowed: std::ops::RangeInclusive<u32>| {
        Problem::at(format!("audit.{key}"), format!("choose {} to {}", allowed.start(), allowed.end()))
    };
    refused.map(|(key, _, allowed)| text(key, allowed)).collect()
}

fn money(config: &Config) -> Vec<Problem> {
    let money = &config.money;
    let mut found = Vec::new();
    if !EPOCH_SECONDS.contains(&money.epoch) {
        let text = format!("choose {} to {} seconds", EPOCH_SECONDS.start(), EPOCH_SECONDS.end());
        found.push(Problem::at("money.epoch", text));
    }
    for (key, most) in
        [("metric_buckets", config.ops.metric_buckets), ("metric_providers", config.ops.metric_providers)]
    {
        if most > METRIC_NAMES_MAX {
            found.push(Problem::at(format!("ops.{key}"), format!("choose at most {METRIC_NAMES_MAX}")));
        }
    }
    for (key, days) in [("grace_days", money.grace_days), ("notice_days", money.notice_days)] {
        if !(1..=3_650).contains(&days) {
            found.push(Problem::at(format!("money.{key}"), "choose 1 to 3650 days"));
        }
    }
    let amounts = [
        ("storage_price", money.storage_price),
        ("write_price", money.write_price),
        ("read_request_price", money.read_request_price),
        ("write_request_price", money.write_request_price),
        ("egress_price", money.egress_price),
        ("endowment", money.endowment),
    ];
    for (key, amount) in amounts {
        if amount > FROST_MAX {
            let text = format!("there are only {FROST_MAX} FROST");
            found.push(Problem::at(format!("money.{key}"), text));
        }
    }
    if let Some(target) = &money.alert_target
        && !config.notification_targets.iter().any(|known| known.name == *target)
    {
        found.push(Problem::at("money.alert_target", format!("there is no notification target named {target:?}")));
    }
    found
}

fn journal(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    if config.journal.lag_seconds.is_some_and(|lag| lag > 3_600) {
        let text = "choose 1 to 3600 seconds, or 0 for writes that wait: what is lost with the database is what was committed since";
        found.push(Problem::at("journal.lag_seconds", text));
    }
    for (key, hours) in
        [("snapshot_hours", config.journal.snapshot_hours), ("retain_hours", config.journal.retain_hours)]
    {
        if !(1..=8_760).contains(&hours) {
            found.push(Problem::at(format!("journal.{key}"), "choose 1 to 8760 hours"));
        }
    }
    found
}

fn scrub(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    if config.scrub.days > 3_650 {
        found.push(Problem::at("scrub.days", "choose 1 to 3650 days, or 0 for never"));
    }
    if !(SCRUB_RATE_MIN..=SCRUB_RATE_MAX).contains(&config.scrub.bytes_per_second) {
        let text = format!("choose {SCRUB_RATE_MIN} to {SCRUB_RATE_MAX} bytes a second");
        found.push(Problem::at("scrub.bytes_per_second", text));
    }
    found
}

fn log(config: &Config) -> Vec<Problem> {
    match config.log.filter.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) => Vec::new(),
        Err(error) => vec![Problem::at("log.filter", error.to_string())],
    }
}

fn root(config: &Config) -> Vec<Problem> {
    let refused = config.root.as_ref().and_then(|root| refused_secret(&root.access_key, &root.secret_key));
    refused.map(|reason| Problem::at("HAULOUT_ROOT_SECRET_KEY", reason)).into_iter().collect()
}
