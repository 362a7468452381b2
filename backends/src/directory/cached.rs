//! Reading what the kernel holds in memory, without a hop to the blocking pool.
//!
//! A hop costs more than the reading of a small range. The kernel can be asked to open and to read only if nothing
//! has to be waited for; whatever speaks against it, the ordinary way is taken and finds out why.

use std::io::IoSliceMut;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, ReadWriteFlags};

use super::mount::Mount;
use crate::SliverName;

/// Longer ranges would keep other work of the thread waiting, and gain little.
const RANGE_BYTES_MAX: u64 = 128 << 10;

/// `TMPFS_MAGIC` of the kernel: a file system that is memory.
const TMPFS: u64 = 0x0102_1994;

/// Whether the kernel and the file system can do it, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Cached {
    unsupported: AtomicBool,
    must_wait: AtomicBool,
}

impl Cached {
    /// The bytes, if they are available at once. `None` says nothing about the sliver.
    ///
    /// The path is walked from its start: what has this name under it is this sliver, whatever handles are kept.
    pub(super) fn read(&self, mount: &Mount, name: &SliverName, range: &Range<u64>) -> Option<BytesMut> {
        let len = range.end.checked_sub(range.start).filter(|len| (1..=RANGE_BYTES_MAX).contains(len))?;
        if self.unsupported.load(Ordering::Relaxed) || !mount.marker_is_fresh() {
            return None;
        }
        self.try_read(mount, name, range.start, usize::try_from(len).ok()?).unwrap_or_else(|errno| {
            // Sandboxes refuse a call that they do not know with EPERM.
            if matches!(errno, Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP) {
                self.unsupported.store(true, Ordering::Relaxed);
            }
            None
        })
    }

    fn try_read(&self, mount: &Mount, name: &SliverName, start: u64, len: usize) -> Result<Option<BytesMut>, Errno> {
        let path = mount.path().join(name.path());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::openat2(rustix::fs::CWD, &path, flags, Mode::empty(), ResolveFlags::CACHED)?;
        let mut read = vec![0; len];
        let count = self.read_now(&file, &mut read, start)?;
        // By way of Bytes, which takes the vector over: BytesMut alone would copy it.
        Ok((count == len).then(|| BytesMut::from(Bytes::from(read))))
    }

    fn read_now(&self, file: &OwnedFd, into: &mut [u8], start: u64) -> Result<usize, Errno> {
        if !self.must_wait.load(Ordering::Relaxed) {
            match rustix::io::preadv2(file, &mut [IoSliceMut::new(into)], start, ReadWriteFlags::NOWAIT) {
                Err(Errno::OPNOTSUPP) => self.must_wait.store(true, Ordering::Relaxed),
                done => return done,
            }
        }
        // A file system in memory does not know the question, for want of anything to wait for.
        if u64::try_from(rustix::fs::fstatfs(file)?.f_type) == Ok(TMPFS) {
            rustix::io::pread(file, into, start)
        } else {
            Err(Errno::OPNOTSUPP)
        }
    }
}
