//! A configured backend, opened, with what placement must know of it.

use std::path::Path;
use std::time::Duration;

use backends::{Expect, StoreError};

use crate::app::startup::cluster_key::ClusterIdentity;
use crate::config::{AuditConfig, BackendConfig, Config};
use crate::domain::BackendId;
use crate::metadata::BackendRow;
use crate::objects::{Backend, VettingTerms};
use crate::placement::network_of;

/// How long a name of a node is looked up at the start.
const LOOKUP: Duration = Duration::from_secs(3);

/// Opens a configured backend: what the use cases see of it, and its row.
///
/// # Errors
/// Names what is wrong with it. One that is away opens all the same, unless it was never used.
pub(super) async fn open_one(
    config: &Config,
    backend: &BackendConfig,
    rows: &[BackendRow],
    cluster: &ClusterIdentity,
    base: &Path,
    make: bool,
) -> anyhow::Result<(Backend, BackendRow)> {
    let id: BackendId = backend.name.parse()?;
    let known = rows.iter().any(|row| row.id == id && row.formatted);
    let expect = if make && !known { Expect::New } else { Expect::Formatted };
    let store = backends::open(&backend.spec(), cluster.gateway(), base, expect).await.map_err(|error| {
        let advice = match &error {
            StoreError::WrongBackend { .. } => "; give it an empty location of its own",
            _ if expect == Expect::New => "; a backend must be reachable when it is used for the first time",
            _ => "",
        };
        anyhow::anyhow!("backend {:?} at {}: {error}{advice}", backend.name, backends::redacted_url(&backend.url))
    })?;
    let (provider, zone) = (backend.provider().to_owned(), backend.zone.clone().unwrap_or_default());
    let url = backends::redacted_url(&backend.url);
    let url = if url.contains(':') { url } else { base.join(url).to_string_lossy().into_owned() };
    let row = BackendRow {
        id: id.clone(),
        url: url.clone(),
        provider: provider.clone(),
        zone: zone.clone(),
        formatted: true,
    };
    let spec = backend.spec();
    let opened = Backend::new(id, provider, zone, url, store)
        .weighing(backend.weight)
        .on_directory(spec.is_directory())
        .billed(spec.is_billed())
        .signing_with(spec.node_key())
        .in_network(network(backend).await)
        .vetted_by((!backend.is_trusted()).then(|| terms(&config.audit)));
    Ok((opened, row))
}

fn terms(audit: &AuditConfig) -> VettingTerms {
    VettingTerms { weight_percent: audit.vetting_weight_percent, slivers_percent: audit.vetting_slivers_percent }
}

/// The network of a node's public address, where nobody named its zone. Looked up once: an address that changes later counts from the next
/// start on. Empty also for a name that cannot be looked up now.
async fn network(backend: &BackendConfig) -> String {
    let authority = backend.url.strip_prefix("node://").map(|rest| rest.trim_end_matches('/'));
    let Some(authority) = authority.filter(|_| backend.zone.is_none()) else { return String::new() };
    let found = tokio::time::timeout(LOOKUP, tokio::net::lookup_host(authority)).await;
    let networks = found.into_iter().flatten().flatten().filter_map(|address| network_of(address.ip()));
    // The same one of several at every start.
    networks.min().unwrap_or_default()
}
