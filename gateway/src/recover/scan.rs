//! Lists what the backends hold.

use std::collections::BTreeMap;

use backends::SliverName;
use codec::BlobId;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::recover::sliver_source::{FoundSliver, SliverSource};

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The slivers of each blob that was looked for.
    pub(super) blobs: BTreeMap<BlobId, Vec<FoundSliver>>,
    /// Slivers looked at.
    pub(super) scanned: u64,
    /// Backends that could not be listed to the end, and why.
    pub(super) unreachable: BTreeMap<String, String>,
}

/// Lists every backend and keeps the slivers of blobs that are wanted.
pub(super) async fn scan(sources: &[SliverSource], is_wanted: impl Fn(&BlobId) -> bool + Sync) -> Scan {
    let lists = sources.iter().enumerate().map(|(at, source)| {
        let is_wanted = &is_wanted;
        async move {
            let (mut found, mut scanned) = (Vec::new(), 0_u64);
            let mut entries = source.store.list();
            loop {
                match entries.try_next().await {
                    Ok(Some(entry)) => {
                        scanned += 1;
                        if is_wanted(&entry.name.blob) {
                            found.push(FoundSliver { source: at, name: entry.name, len: entry.len });
                        }
                    }
                    Ok(None) => return (found, scanned, None),
                    Err(error) => return (found, scanned, Some((source.id.to_string(), error.to_string()))),
                }
            }
        }
    });
    let mut all = Scan::default();
    let mut lists = futures::stream::iter(lists).buffer_unordered(16);
    while let Some((found, scanned, failed)) = lists.next().await {
        all.scanned += scanned;
        all.unreachable.extend(failed);
        for sliver in found {
            let SliverName { blob, .. } = sliver.name;
            all.blobs.entry(blob).or_default().push(sliver);
        }
    }
    for slivers in all.blobs.values_mut() {
        slivers.sort_by_key(|sliver| (sliver.name.index, sliver.source, sliver.name.attempt));
    }
    all
}
