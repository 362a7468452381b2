//! `haulout node allow`, `revoke` and `clusters`.

use std::path::Path;

use anyhow::{Context as _, Result};
use backends::node::protocol::GatewayName;
use backends::node::server::{AdmissionFile, cluster_usage};
use serde::Serialize;

use crate::app::commands::{Outcome, show};

pub(super) fn allow(data: &Path, key: &GatewayName, quota: Option<u64>, name: Option<String>) -> Result<Outcome> {
    AdmissionFile::change(data, |file| file.allow(key, quota, name)).with_context(|| failed(data))?;
    show::print(&format!("admitted: cluster {}", key.cluster))?;
    Ok(Outcome::Fine)
}

pub(super) fn revoke(data: &Path, key: &GatewayName) -> Result<Outcome> {
    let was_admitted = AdmissionFile::change(data, |file| file.revoke(key)).with_context(|| failed(data))?;
    show::print(if was_admitted { "revoked" } else { "the key was not admitted" })?;
    Ok(if was_admitted { Outcome::Fine } else { Outcome::Wrong })
}

/// A cluster, as it is printed.
#[derive(Serialize)]
struct Shown {
    cluster: String,
    name: Option<String>,
    keys: usize,
    live_bytes: u64,
    trash_bytes: u64,
    /// None without a bound.
    quota_bytes: Option<u64>,
}

pub(super) fn clusters(data: &Path, json: bool) -> Result<Outcome> {
    let clusters = cluster_usage(data).with_context(|| failed(data))?;
    let shown = clusters.into_iter().map(|(admitted, usage)| Shown {
        cluster: admitted.cluster.to_string(),
        name: admitted.name,
        keys: admitted.keys.len(),
        live_bytes: usage.live_bytes,
        trash_bytes: usage.trash_bytes,
        quota_bytes: Some(admitted.quota_bytes).filter(|quota| *quota != u64::MAX),
    });
    let shown: Vec<_> = shown.collect();
    if json {
        show::json(&shown)?;
    } else {
        let rows: Vec<_> = shown.iter().map(row).collect();
        show::table(["CLUSTER", "NAME", "KEYS", "USED", "TRASH", "QUOTA"], &rows)?;
    }
    Ok(Outcome::Fine)
}

fn row(shown: &Shown) -> [String; 6] {
    [
        shown.cluster.clone(),
        shown.name.clone().unwrap_or_default(),
        shown.keys.to_string(),
        show::bytes(shown.live_bytes),
        show::bytes(shown.trash_bytes),
        shown.quota_bytes.map_or_else(|| "none".to_owned(), show::bytes),
    ]
}

fn failed(data: &Path) -> String {
    format!("{}: run `haulout node init` first, or name the node's folder with --data", data.display())
}
