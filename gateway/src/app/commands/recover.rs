//! `haulout recover`: rebuilds the database from the backends, the configuration and the cluster key.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use backends::{Expect, marked_cluster};
use codec::ClusterId;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app::cli::Recover;
use crate::app::commands::{Outcome, show};
use crate::app::incarnation_lease::{IncarnationLease, LeaseTiming};
use crate::app::startup::cluster_key::ClusterIdentity;
use crate::app::startup::components::Components;
use crate::app::startup::data_folder::DataFolder;
use crate::clock::{Ambient, random};
use crate::config::Config;
use crate::metadata::MetadataStore;
use crate::recover::{MissingSegments, Recorded, Recovery, RecoveryReport, SliverSource, Takeover};

/// The database of a rehearsal, in the data folder.
const REHEARSAL: &str = "recover-dry-run.db";

/// The incarnation's name.
const NAME: &str = "recover (command)";

pub(in crate::app) async fn run(recover: &Recover, config: &Config, ambient: &Ambient) -> Result<Outcome> {
    let until = recover.until.as_deref().map(micros).transpose()?;
    let folder = DataFolder::make(&config.data)?;
    let _lock = folder.lock()?;
    let base =
        std::path::absolute(if config.base.as_os_str().is_empty() { ".".as_ref() } else { config.base.as_path() })?;
    let cluster = match &recover.cluster {
        Some(digits) => digits.parse().map_err(|error| anyhow::anyhow!("--cluster: {error}"))?,
        None => cluster_of(config, &base).await?,
    };
    let identity = ClusterIdentity::without_database(&folder, &config.cluster_key, cluster)?;
    let mut sources = Vec::new();
    for backend in &config.backends {
        let store = backends::open(&backend.spec(), identity.gateway(), &base, Expect::Formatted).await;
        let store = store.with_context(|| format!("backend {:?} of the configuration", backend.name))?;
        sources.push(SliverSource { id: backend.name.parse()?, store });
    }
    let recovery = Recovery { sources, cluster, key: identity.key(), until };
    let mut report = if recover.dry_run {
        rehearse(&recovery, &folder, ambient).await?
    } else {
        let takers = Takers { recovery: &recovery, config, identity: &identity, base: &base };
        rebuild(takers, &folder, ambient).await?
    };
    report.dry_run = recover.dry_run;
    if recover.json {
        show::json(&report)?;
    } else {
        show_report(&report)?;
    }
    Ok(if report.is_whole() { Outcome::Fine } else { Outcome::Wrong })
}

fn micros(text: &str) -> Result<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).context("--until is a time such as 2026-11-29T12:00:00Z")?;
    Ok(i64::try_from(time.unix_timestamp_nanos() / 1_000)?)
}

/// The cluster that the markers of the backends name.
async fn cluster_of(config: &Config, base: &Path) -> Result<ClusterId> {
    let mut found: Option<(ClusterId, &str)> = None;
    for backend in &config.backends {
        let marked = match marked_cluster(&backend.spec(), base).await {
            Ok(marked) => marked,
            Err(error) => {
                tracing::warn!(backend = backend.name, %error, "the marker of a backend cannot be read");
                None
            }
        };
        match (marked, found) {
            (Some(cluster), Some((other, name))) if cluster != other => {
                bail!("backend {name:?} belongs to cluster {other}, and {:?} to {cluster}", backend.name)
            }
            (Some(cluster), _) => found = Some((cluster, &backend.name)),
            (None, _) => {}
        }
    }
    found
        .map(|(cluster, _)| cluster)
        .context("no backend has a marker that names the cluster: say which with --cluster")
}

/// What takes the backends from gateways on the old database.
struct Takers<'a> {
    recovery: &'a Recovery,
    config: &'a Config,
    identity: &'a ClusterIdentity,
    base: &'a Path,
}

impl Takers<'_> {
    /// Gives each backend another generation; answers where that failed, and why.
    async fn take_over(&self, recorded: &[Recorded], nonce: [u8; 16]) -> Vec<String> {
        let mut failed = Vec::new();
        for takeover in self.recovery.takeovers(recorded, nonce) {
            let backend = takeover.backend.to_string();
            if let Err(error) = self.take_one(takeover).await {
                failed.push(format!("{backend}: {error:#}"));
            }
        }
        let answered = |backend: &str| recorded.iter().any(|one| one.backend.as_str() == backend);
        let silent = self.config.backends.iter().filter(|backend| !answered(&backend.name));
        failed.extend(silent.map(|backend| format!("{}: it shows no heartbeat that can be believed", backend.name)));
        failed
    }

    async fn take_one(&self, takeover: Takeover) -> Result<()> {
        let mut backends = self.config.backends.iter();
        let backend =
            backends.find(|backend| backend.name == takeover.backend.as_str()).context("it is not configured")?;
        backends::accept(&backend.spec(), self.identity.gateway(), self.base, takeover.generation).await?;
        Ok(self.recovery.write_heartbeat(takeover).await?)
    }
}

/// Rebuilds the configured database.
async fn rebuild(takers: Takers<'_>, folder: &DataFolder, ambient: &Ambient) -> Result<RecoveryReport> {
    let (recovery, config) = (takers.recovery, takers.config);
    let store = MetadataStore::open(&config.database, ambient.clone()).await.context("cannot open the database")?;
    let nonce = random(&*ambient.entropy);
    let rebuilt = recovery.rebuild(&store, async |recorded: &[Recorded]| takers.take_over(recorded, nonce).await).await;
    store.close().await;
    let mut rebuilt = rebuilt?;
    // From here on it is a database like any other: the backends, which are newer, hold collection until an operator has looked.
    let components = Components::find(config, folder.clone(), ambient).await?;
    let metadata = components.metadata.clone();
    let round = components.heartbeats.look().await.context("cannot compare the backends with the database")?;
    let lease = IncarnationLease::begin(&metadata, NAME, LeaseTiming::default(), round.incarnation).await?;
    let imported = recovery.import_late(&metadata, lease.incarnation, &mut rebuilt).await;
    lease.end().await;
    metadata.close().await;
    imported?;
    Ok(rebuilt.report)
}

/// Rebuilds a database that is removed again.
async fn rehearse(recovery: &Recovery, folder: &DataFolder, ambient: &Ambient) -> Result<RecoveryReport> {
    let remove = || {
        for suffix in ["", "-wal", "-shm", ".lock"] {
            folder.remove(&format!("{REHEARSAL}{suffix}"))?;
        }
        anyhow::Ok(())
    };
    remove()?;
    let url = format!("sqlite:{}", folder.path().join(REHEARSAL).display());
    let store = MetadataStore::open(&url, ambient.clone()).await.context("cannot open a database to rehearse in")?;
    let rehearsed = async {
        let mut rebuilt = recovery.rebuild(&store, async |_: &[Recorded]| Vec::new()).await?;
        let incarnation = store.begin_incarnation(NAME, LeaseTiming::default().seconds).await?;
        recovery.import_late(&store, incarnation, &mut rebuilt).await?;
        anyhow::Ok(rebuilt.report)
    };
    let report = rehearsed.await;
    store.close().await;
    remove()?;
    report
}

fn show_report(report: &RecoveryReport) -> Result<()> {
    let time = |micros: i64| {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
        time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| micros.to_string())
    };
    let done = if report.dry_run { "would be rebuilt" } else { "was rebuilt" };
    show::print(&format!(
        "the database {done} from the snapshot of {} and {} segments of the journal with {} changes",
        time(report.snapshot_at),
        report.segments,
        report.changes
    ))?;
    show::print(&format!(
        "the journal ends with segment {} at {}: what was deleted or changed later is as it was before",
        report.last_segment,
        time(report.journal_end_at)
    ))?;
    show::print(&format!(
        "{} blobs were written after that; {} objects and parts in them are part of the database again",
        report.late_blobs,
        report.imported.len()
    ))?;
    if let Some(MissingSegments { from, to, recorded_by }) = &report.segments_missing {
        show::print(&format!(
            "segments {from} to {to} were not found, although {} recorded them: other backends withhold them or are away",
            recorded_by.join(", ")
        ))?;
    }
    if report.unfinished_segments > 0 {
        let segments = report.unfinished_segments;
        show::print(&format!("the last {segments} segments hold a part of a transaction, and were not applied"))?;
    }
    if !report.segments_beyond_gap.is_empty() {
        let numbers = &report.segments_beyond_gap;
        show::print(&format!(
            "segments {numbers:?} do not follow, because one before them is missing: they were not applied"
        ))?;
    }
    for (what, lines) in [
        ("could not be listed", &report.unreachable),
        ("could not be taken from gateways on the old database, stop those first", &report.not_taken_over),
        ("cannot be read", &report.unreadable_records),
        ("this release has no such table", &report.unknown_tables),
        ("not taken", &report.conflicts),
        ("incomplete", &report.incomplete),
    ] {
        lines.iter().try_for_each(|line| show::print(&format!("{what}: {line}")))?;
    }
    if !report.dry_run {
        show::print("start the gateway and look; nothing is collected before `haulout recover confirm`")?;
    }
    Ok(())
}
