//! The lease of this incarnation: one run of this gateway, renewed in the database.

use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::startup::data_folder::DataFolder;
use crate::clock::Ambient;
use crate::metadata::{MetadataError, MetadataStore};

/// The file with the number of a data folder.
const NUMBER_FILE: &str = "gateway.id";

/// The timing of a lease.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTiming {
    /// How long a lease lasts without renewal, in seconds.
    pub seconds: i64,
    /// How often it renews.
    pub renewal: Duration,
    /// The pause after a failed renewal.
    pub retry: Duration,
}

impl Default for LeaseTiming {
    fn default() -> Self {
        Self::of(60)
    }
}

impl LeaseTiming {
    /// A lease of so many seconds, which several renewals may miss.
    #[must_use]
    pub fn of(seconds: u32) -> Self {
        let lease = Duration::from_secs(seconds.into());
        Self { seconds: seconds.into(), renewal: lease / 4, retry: lease / 30 }
    }
}

/// An incarnation that is renewed until it ends.
#[derive(Debug)]
pub struct IncarnationLease {
    /// Its number, the first part of the ids of its blobs.
    pub incarnation: u32,
    /// Cancelled when the database has marked it dead: nothing it writes can be committed any more.
    pub fenced: CancellationToken,
    metadata: MetadataStore,
    renewal: JoinHandle<()>,
}

impl IncarnationLease {
    /// Begins an incarnation, and marks the earlier ones of this gateway dead: the caller holds the data folder's lock, so
    /// they are gone, and what they did not commit need not wait for their leases to expire before it is collected.
    ///
    /// Its number is above `above`, which is the highest that any backend has recorded.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn begin(
        metadata: &MetadataStore,
        gateway: &str,
        lease: LeaseTiming,
        above: u32,
    ) -> anyhow::Result<Self> {
        let begun = metadata.begin_incarnation_above(gateway, lease.seconds, above).await;
        let incarnation = begun.context("cannot begin an incarnation")?;
        match metadata.mark_predecessors_dead(gateway, incarnation).await {
            Ok(marked_dead) if marked_dead.is_empty() => {}
            Ok(marked_dead) => {
                tracing::info!(?marked_dead, "earlier incarnations of this gateway had not ended; marked dead")
            }
            Err(error) => tracing::warn!(%error, "cannot mark earlier incarnations dead; their leases will expire"),
        }
        let fenced = CancellationToken::new();
        let renewal = tokio::spawn(renew(metadata.clone(), incarnation, lease, fenced.clone()));
        Ok(Self { incarnation, fenced, metadata: metadata.clone(), renewal })
    }

    /// Ends it: whatever it did not commit is an orphan from now on.
    pub async fn end(self) {
        self.renewal.abort();
        if let Err(error) = self.metadata.end_incarnation(self.incarnation).await {
            tracing::warn!(%error, "cannot end the incarnation; its lease will expire");
        }
    }
}

async fn renew(metadata: MetadataStore, incarnation: u32, lease: LeaseTiming, fenced: CancellationToken) {
    let mut pause = lease.renewal;
    loop {
        tokio::time::sleep(pause).await;
        pause = match metadata.renew_incarnation(incarnation, lease.seconds).await {
            Ok(()) => lease.renewal,
            Err(MetadataError::Fenced) => {
                tracing::error!(incarnation, "lease expired: this incarnation was marked dead");
                return fenced.cancel();
            }
            Err(error) => {
                tracing::warn!(%error, "cannot renew the lease");
                lease.retry
            }
        };
    }
}

/// The name of this gateway among the others of the cluster: host, data folder, and the folder's own number, because
/// containers may look alike. No two gateways that run at the same time have the same name.
///
/// # Errors
/// The number cannot be read or written.
pub fn gateway_name(folder: &DataFolder, ambient: &Ambient) -> anyhow::Result<String> {
    let number = match folder.read_secret(NUMBER_FILE)? {
        Some(number) if !number.trim().is_empty() => number.trim().to_owned(),
        _ => {
            let mut number = [0; 8];
            ambient.entropy.fill(&mut number);
            let number = hex::encode(number);
            folder.write_secret(NUMBER_FILE, &format!("{number}\n"))?;
            number
        }
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "gateway" } else { host.trim() };
    Ok(format!("{host}:{}#{number}", folder.path().display()))
}
