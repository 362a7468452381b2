//! This run of this gateway: an incarnation in the database, and the lease that keeps it alive.

use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::metadata::{MetadataError, MetadataStore};

/// How a lease is kept.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// How long the database believes in a gateway that does not renew.
    pub seconds: i64,
    /// How often it renews.
    pub renewal: Duration,
    /// How soon it tries again after it could not.
    pub retry: Duration,
}

impl Default for Lease {
    fn default() -> Self {
        Self { seconds: 60, renewal: Duration::from_secs(15), retry: Duration::from_secs(2) }
    }
}

/// An incarnation that is renewed until it ends.
#[derive(Debug)]
pub struct Tenure {
    /// Its number, the first part of the ids of its blobs.
    pub incarnation: u32,
    /// Cancelled when the database has buried it: nothing it writes can be committed any more.
    pub fenced: CancellationToken,
    metadata: MetadataStore,
    renewal: JoinHandle<()>,
}

impl Tenure {
    /// Begins an incarnation.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin(metadata: &MetadataStore, gateway: &str, lease: Lease) -> anyhow::Result<Self> {
        let begun = metadata.begin_incarnation(gateway, lease.seconds).await;
        let incarnation = begun.context("cannot begin an incarnation")?;
        let fenced = CancellationToken::new();
        let renewal = tokio::spawn(renew(metadata.clone(), incarnation, lease, fenced.clone()));
        Ok(Self { incarnation, fenced, metadata: metadata.clone(), renewal })
    }

    /// Ends it: whatever it did not commit is an orphan from now on.
    pub async fn end(self) {
        self.renewal.abort();
        if let Err(error) = self.metadata.end_incarnation(self.incarnation).await {
            tracing::warn!(%error, "cannot end the incarnation; its lease will run out by itself");
        }
    }
}

async fn renew(metadata: MetadataStore, incarnation: u32, lease: Lease, fenced: CancellationToken) {
    let mut pause = lease.renewal;
    loop {
        tokio::time::sleep(pause).await;
        pause = match metadata.renew_incarnation(incarnation, lease.seconds).await {
            Ok(()) => lease.renewal,
            Err(MetadataError::Fenced) => {
                tracing::error!(incarnation, "the lease ran out and this incarnation was buried");
                return fenced.cancel();
            }
            Err(error) => {
                tracing::warn!(%error, "cannot renew the lease");
                lease.retry
            }
        };
    }
}

/// A name for this gateway among the others of the cluster, for people: host and data folder.
#[must_use]
pub fn gateway_name(folder: &std::path::Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "gateway" } else { host.trim() };
    format!("{host}:{}", folder.display())
}
