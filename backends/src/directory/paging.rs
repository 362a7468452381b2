//! Listing a directory's slivers in a fixed order, a page at a time, for somebody who keeps nothing open between pages.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;

use super::directory_store::DirectoryStore;
use super::errno::{ErrorContext, store_error};
use super::volume::Volume;
use crate::{SliverEntry, SliverName, StoreError};

impl DirectoryStore {
    /// The first `limit` slivers after the given one, ordered by folder and then by name. Fewer than `limit` means that these are
    /// the last. Holds no more than `limit` names, however many a folder has.
    pub(crate) async fn page(&self, after: Option<SliverName>, limit: usize) -> Result<Vec<SliverEntry>, StoreError> {
        self.run_blocking(move |inner| {
            let volume = inner.mount.volume()?;
            page(&volume, after, limit).map_err(|errno| store_error(errno, ErrorContext::Reading))
        })
        .await
    }
}

fn page(volume: &Volume, after: Option<SliverName>, limit: usize) -> Result<Vec<SliverEntry>, Errno> {
    let mut page = Vec::new();
    for number in after.map_or(0, |after| after.folder())..=u8::MAX {
        let folder = match volume.folder(number) {
            Err(Errno::NOENT) => continue,
            folder => folder?,
        };
        // The name it begins after counts in its own folder only.
        let mut from = after.filter(|after| after.folder() == number);
        while page.len() < limit {
            let names = first_names(&folder, number, from, limit - page.len())?;
            let Some(last) = names.last() else { break };
            from = Some(*last);
            for name in names {
                match rustix::fs::statat(&folder, name.text().as_str(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => page.push(SliverEntry { name, len: u64::try_from(stat.st_size).unwrap_or_default() }),
                    Err(Errno::NOENT) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
    }
    Ok(page)
}

/// The smallest names of a folder after one, at most `limit`, ascending.
fn first_names(
    folder: impl AsFd,
    number: u8,
    after: Option<SliverName>,
    limit: usize,
) -> Result<BTreeSet<SliverName>, Errno> {
    let mut names = BTreeSet::new();
    let bound = after.map_or(Bound::Unbounded, Bound::Excluded);
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_str().ok().and_then(|text| text.parse::<SliverName>().ok());
        // Files of other names are not ours to judge.
        let Some(name) = name.filter(|name| name.folder() == number) else { continue };
        if !std::ops::RangeBounds::contains(&(bound, Bound::Unbounded), &name) {
            continue;
        }
        names.insert(name);
        if names.len() > limit {
            names.pop_last();
        }
    }
    Ok(names)
}
