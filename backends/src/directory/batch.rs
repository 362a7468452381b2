//! Many slivers, one sync.
//!
//! Syncing each file and each folder costs a commit of the file system's journal each: 64 slivers of 20 kB took 390 to 530 ms on
//! ext4, and 29 ms with two calls of `syncfs` (4 slivers 3 ms and 2 ms). `syncfs` also waits for what others wrote to the same file
//! system, which is why few slivers are synced one by one.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use bytes::Bytes;
use rustix::io::Errno;

use super::directory_store::{DirectoryStore, Inner};
use super::publish::{StagedFile, fail_at};
use super::retaining::was_stored;
use super::volume::Volume;
use crate::{SliverName, StoreError};

/// So many slivers or more are synced together.
const TOGETHER: usize = 4;

/// `syncfs` reports that a write-back failed since this version of Linux.
const SYNCFS_REPORTS_SINCE: (u32, u32) = (5, 8);

/// A sliver that was written, or why it was not.
type Staged = Result<(SliverName, StagedFile), StoreError>;

impl DirectoryStore {
    /// Stores whole slivers, all durable on return, in one hop: those that `check` has nothing against, by their place in the list, and whose
    /// names were never used, which are [`StoreError::AlreadyExists`]. One that fails does not keep the others from being stored, unless
    /// it is the sync that fails.
    pub(crate) async fn put_all_new<E: Send + 'static>(
        &self,
        slivers: Vec<(SliverName, Bytes)>,
        check: impl Fn(usize) -> Result<(), E> + Send + 'static,
    ) -> Vec<Result<Result<(), StoreError>, E>> {
        let count = slivers.len();
        let done = self.run_blocking(move |inner| {
            let volume = inner.mount.volume()?;
            inner.free_space.admit()?;
            let mut answers = Vec::with_capacity(slivers.len());
            let mut admitted = Vec::new();
            for (number, (name, bytes)) in slivers.into_iter().enumerate() {
                let answer = check(number).map(|()| refuse_stored(&volume, &name));
                if matches!(answer, Ok(Ok(()))) {
                    admitted.push((name, bytes));
                }
                answers.push(answer);
            }
            let mut stored = inner.put_all(&volume, admitted).into_iter();
            for answer in answers.iter_mut().filter(|answer| matches!(answer, Ok(Ok(())))) {
                *answer =
                    Ok(stored.next().unwrap_or_else(|| Err(StoreError::unavailable("the sliver was not written"))));
            }
            Ok(answers)
        });
        done.await.unwrap_or_else(|error| (0..count).map(|_| Ok(Err(error.clone()))).collect())
    }
}

fn refuse_stored(volume: &Volume, name: &SliverName) -> Result<(), StoreError> {
    if was_stored(volume, name)? { Err(StoreError::AlreadyExists) } else { Ok(()) }
}

impl Inner {
    fn put_all(&self, volume: &Volume, slivers: Vec<(SliverName, Bytes)>) -> Vec<Result<(), StoreError>> {
        let together = slivers.len() >= TOGETHER && syncfs_reports() && syncs_whole(volume.root());
        let staged: Vec<Staged> = slivers.into_iter().map(|(name, bytes)| self.stage(volume, name, bytes)).collect();
        if !together {
            return staged
                .into_iter()
                .map(|staged| staged.and_then(|(name, staged_file)| self.publish(volume, staged_file, &name)))
                .collect();
        }
        // The first file was opened before anything else of the batch was written: it reports what became of all of it.
        let Some(first) = staged.iter().flatten().next().map(|(_, file)| std::sync::Arc::clone(file.file())) else {
            return staged.into_iter().map(|staged| staged.map(drop)).collect();
        };
        let sync = |point| fail_at(point).and_then(|()| rustix::fs::syncfs(&*first));
        if let Err(errno) = sync("sliver-sync") {
            return vec![Err(self.write_error(errno)); staged.len()];
        }
        let mut folders = BTreeSet::new();
        let renamed: Vec<_> = staged
            .into_iter()
            .map(|staged| {
                let (name, staged_file) = staged?;
                let renamed = volume
                    .folder_for_writing(name.folder())
                    .and_then(|folder| staged_file.rename_unsynced(folder.as_fd(), name.text().as_str()));
                renamed.map_err(|errno| self.write_error(errno))?;
                folders.insert(name.folder());
                Ok(())
            })
            .collect();
        match if folders.is_empty() { Ok(()) } else { sync("sliver-sync-folder") } {
            Ok(()) => renamed,
            Err(errno) => {
                let error = self.write_error(errno);
                renamed.into_iter().map(|renamed| renamed.and(Err(error.clone()))).collect()
            }
        }
    }

    fn stage(&self, volume: &Volume, name: SliverName, bytes: Bytes) -> Staged {
        let stage = || {
            let staged_file = StagedFile::create(volume.staging_dir()?)?;
            staged_file.append(&[bytes])?;
            Ok(staged_file)
        };
        stage().map(|staged_file| (name, staged_file)).map_err(|errno: Errno| self.write_error(errno))
    }
}

/// Numbers in `statfs` of file systems whose `syncfs` is known to make everything durable (linux/magic.h): ext2 to ext4, XFS, Btrfs, F2FS,
/// ZFS, bcachefs, and tmpfs, where nothing is. Of FUSE, for one, `syncfs` succeeds without a word to the process behind it.
const SYNCING_WHOLE: [u64; 7] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x2fc1_2fc1, 0xca45_1a4e, 0x0102_1994];

/// Whether one `syncfs` is as good as a sync of each file and folder there.
fn syncs_whole(folder: BorrowedFd<'_>) -> bool {
    let kind = rustix::fs::fstatfs(folder).map(|seen| seen.f_type as u64 & 0xffff_ffff);
    kind.is_ok_and(|kind| SYNCING_WHOLE.contains(&kind))
}

/// Whether the kernel reports a failed write-back to `syncfs`.
fn syncfs_reports() -> bool {
    static REPORTS: OnceLock<bool> = OnceLock::new();
    *REPORTS.get_or_init(|| {
        let uname = rustix::system::uname();
        let mut numbers = uname.release().to_str().unwrap_or_default().split(['.', '-']).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= SYNCFS_REPORTS_SINCE,
            _ => false,
        }
    })
}
