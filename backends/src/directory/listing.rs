//! Listing a directory's slivers, a batch at a time.

use std::os::fd::AsFd;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;

use super::directory_store::DirectoryStore;
use super::errno::{ErrorContext, store_error};
use super::volume::Volume;
use crate::{SliverEntry, SliverName, StoreError};

/// Slivers looked at in one hop.
const BATCH: usize = 512;

/// Where a listing stands.
struct Walk {
    volume: Arc<Volume>,
    folders: std::ops::RangeInclusive<u8>,
    open: Option<(u8, Dir)>,
}

/// All slivers, folder by folder.
pub(super) fn stream(store: &DirectoryStore) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
    let begin = async move {
        let volume = store.run_blocking(|inner| inner.mount.volume()).await?;
        let walk = Walk { volume, folders: 0..=u8::MAX, open: None };
        Ok(stream::try_unfold(walk, move |mut walk| {
            store.run_blocking(move |_| {
                let batch = walk.batch().map_err(|errno| store_error(errno, ErrorContext::Reading))?;
                Ok(if batch.is_empty() { None } else { Some((stream::iter(batch.into_iter().map(Ok)), walk)) })
            })
        })
        .try_flatten())
    };
    stream::once(begin).try_flatten().boxed()
}

impl Walk {
    /// The next slivers; none at the end.
    fn batch(&mut self) -> Result<Vec<SliverEntry>, Errno> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let Some((number, entries)) = &mut self.open else {
                let Some(number) = self.folders.next() else { break };
                match self.volume.folder(number).and_then(|folder| Dir::read_from(folder.as_fd())) {
                    Ok(entries) => self.open = Some((number, entries)),
                    Err(Errno::NOENT) => {}
                    Err(errno) => return Err(errno),
                }
                continue;
            };
            match entries.read() {
                None => self.open = None,
                Some(entry) => {
                    let entry = entry?;
                    let name = entry.file_name().to_str().ok().and_then(|text| text.parse::<SliverName>().ok());
                    // Files of other names are not ours to judge.
                    let Some(name) = name.filter(|name| name.folder() == *number) else { continue };
                    match rustix::fs::statat(entries.fd()?, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => {
                            batch.push(SliverEntry { name, len: u64::try_from(stat.st_size).unwrap_or_default() });
                        }
                        Err(Errno::NOENT) => {}
                        Err(errno) => return Err(errno),
                    }
                }
            }
        }
        Ok(batch)
    }
}
