//! A record of what happened to a cluster's slivers, one line of JSON for each event: signed deletions, and verdicts of audits.
//!
//! Files are rotated by size, so the record is bounded; what is older is gone, once it is as old as it has to be.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use serde::Serialize;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::StoreError;
use crate::node::ambient::now_seconds;
use crate::node::protocol::{PublicKey, Signature};

/// Signed deletions: the newest file; older ones have a number at their end.
pub(in crate::node::server) const DELETION_FILE: &str = "deletions.jsonl";
/// Bytes of one file. Reserved when it is begun, so that a disk that fills up later does not keep anything from being recorded.
const FILE_BYTES: u64 = 4 << 20;
/// Files that are kept, the newest included: about 60,000 lines.
const FILES: u32 = 8;
/// Files that are kept while they are not old enough to go: a gibibyte, about two million lines.
const FILES_MAX: u32 = 256;

/// A deletion that the node accepted, before it acts: its defence when a cluster says that slivers are missing. Text and signature
/// prove who asked.
#[derive(Debug, Serialize)]
pub(in crate::node::server) struct Deletion {
    /// The key that signed.
    pub(in crate::node::server) gateway: PublicKey,
    /// What it signed.
    pub(in crate::node::server) text: String,
    /// The signature.
    pub(in crate::node::server) signature: Signature,
}

/// The newest file.
#[derive(Debug, Default)]
struct Current {
    file: Option<File>,
    bytes: u64,
}

/// Lines that wait for the next sync, and who waits for it.
#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    done: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

/// A record of one cluster. What is recorded at the same time shares one sync, and one thread.
#[derive(Debug)]
pub(in crate::node::server) struct RecordLog {
    folder: PathBuf,
    file: &'static str,
    /// How old what goes has to be.
    min_age: Duration,
    waiting: Mutex<Waiting>,
    current: tokio::sync::Mutex<Current>,
}

impl RecordLog {
    /// The record of this name in a folder, which keeps lines for so many seconds at least. Nothing is made before the first line.
    pub(in crate::node::server) fn new(folder: PathBuf, file: &'static str, min_seconds: u64) -> Self {
        let min_age = Duration::from_secs(min_seconds);
        Self { folder, file, min_age, waiting: Mutex::default(), current: tokio::sync::Mutex::default() }
    }

    /// Appends a line for each of these, durably.
    ///
    /// # Errors
    /// They cannot be recorded, and so must not be done; a disk without any space is the exception, for deletions are what makes
    /// space, and audits go on.
    pub(in crate::node::server) async fn append(&self, events: &[impl Serialize]) -> Result<(), StoreError> {
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, event).map_err(StoreError::unavailable)?;
            lines.push(b'\n');
        }
        let (done, mut recorded) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.lines.extend_from_slice(&lines);
            waiting.done.push(done);
        }
        let mut current = self.current.lock().await;
        // Whoever was before has written this line too, most likely, or took it along and failed.
        match recorded.try_recv() {
            Ok(recorded) => return recorded,
            Err(TryRecvError::Closed) => return Err(StoreError::unavailable("an event was not recorded")),
            Err(TryRecvError::Empty) => {}
        }
        let Waiting { lines, done } = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let (folder, file, min_age) = (self.folder.clone(), self.file, self.min_age);
        let mut moved = std::mem::take(&mut *current);
        let write = move || {
            let written = moved.append(&folder, (file, min_age), &lines);
            (moved, written)
        };
        let (moved, written) = tokio::task::spawn_blocking(write).await.map_err(StoreError::unavailable)?;
        *current = moved;
        let written = self.judge(written);
        for done in done {
            drop(done.send(written.clone()));
        }
        written
    }

    fn judge(&self, written: std::io::Result<()>) -> Result<(), StoreError> {
        match written {
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOSPC | Errno::DQUOT)) => {
                tracing::warn!(folder = %self.folder.display(), file = self.file, "nothing is recorded: the disk is full");
                Ok(())
            }
            Err(error) => Err(StoreError::unavailable(format!("{} cannot be written: {error}", self.file))),
            Ok(()) => Ok(()),
        }
    }
}

impl Current {
    fn append(&mut self, folder: &Path, (name, min_age): (&str, Duration), lines: &[u8]) -> std::io::Result<()> {
        if self.file.is_some() && self.bytes + lines.len() as u64 > FILE_BYTES {
            *self = Self::default();
            rotate(folder, name, min_age)?;
        }
        if self.file.is_none() {
            let mut file = open(folder, name)?;
            end_torn_line(&mut file)?;
            self.bytes = file.metadata()?.len();
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(lines).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line may be there: how long the file is now, is looked up when it is opened again.
            self.file = None;
        } else {
            self.bytes += lines.len() as u64;
        }
        written
    }
}

fn open(folder: &Path, name: &str) -> std::io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(folder.join(name))?;
    // Best effort: not every file system can.
    let _ = rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, FILE_BYTES);
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// A crash or a full disk may have left half a line: the next one must not be glued to it.
fn end_torn_line(file: &mut File) -> std::io::Result<()> {
    let len = file.metadata()?.len();
    let mut last = [b'\n'];
    if len > 0 {
        file.read_exact_at(&mut last, len - 1)?;
    }
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// Numbers every file one higher. The last ones go, as far as there are more than enough and they are old enough.
fn rotate(folder: &Path, name: &str, min_age: Duration) -> std::io::Result<()> {
    let path = |number: u32| match number {
        0 => folder.join(name),
        number => folder.join(format!("{name}.{number}")),
    };
    let mut count = 0;
    while count < FILES_MAX && path(count).exists() {
        count += 1;
    }
    while count >= FILES && (count >= FILES_MAX || is_older(&path(count - 1), min_age)) {
        std::fs::remove_file(path(count - 1))?;
        count -= 1;
    }
    for number in (0..count).rev() {
        std::fs::rename(path(number), path(number + 1))?;
    }
    Ok(())
}

/// Whether the last line of a file is so old. One that cannot be looked at is not.
fn is_older(file: &Path, age: Duration) -> bool {
    let modified = std::fs::metadata(file).and_then(|file| file.modified());
    let now = UNIX_EPOCH + Duration::from_secs(now_seconds());
    modified.is_ok_and(|modified| now.duration_since(modified).unwrap_or_default() >= age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn half_a_line_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(DELETION_FILE);
        let deletion = Deletion { gateway: PublicKey([1; 32]), text: "x".to_owned(), signature: Signature([2; 64]) };
        RecordLog::new(folder.path().to_owned(), DELETION_FILE, 0).append(&[&deletion]).await.unwrap();
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        RecordLog::new(folder.path().to_owned(), DELETION_FILE, 0).append(&[&deletion]).await.unwrap();
        let lines = std::fs::read_to_string(&file).unwrap();
        let sound = lines.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        assert_eq!((lines.lines().count(), sound.count()), (2, 1));
    }

    #[tokio::test]
    async fn deletions_are_recorded_across_restarts_and_the_oldest_files_go() {
        let folder = tempfile::tempdir().unwrap();
        let text = "x".repeat(2 << 20);
        let deletion = Deletion { gateway: PublicKey([1; 32]), text, signature: Signature([2; 64]) };
        for _ in 0..10 {
            RecordLog::new(folder.path().to_owned(), DELETION_FILE, 0).append(&[&deletion]).await.unwrap();
            let log = RecordLog::new(folder.path().to_owned(), DELETION_FILE, 0);
            log.append(&[&deletion]).await.unwrap();
            log.append(&[&deletion]).await.unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), FILES as usize);
        assert!(files.iter().all(|file| file.metadata().unwrap().len() <= FILE_BYTES + (2 << 20) + 1000));
        let young = RecordLog::new(folder.path().to_owned(), DELETION_FILE, 3600);
        for _ in 0..6 {
            young.append(&[&deletion]).await.unwrap();
        }
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files(), FILES as usize + 5, "what is young stays");
        let log = RecordLog::new(folder.path().to_owned(), DELETION_FILE, 0);
        for _ in 0..2 {
            log.append(&[&deletion]).await.unwrap();
        }
        assert_eq!(files(), FILES as usize, "and goes when it is old");
        let small = || async {
            let deletion =
                Deletion { gateway: PublicKey([1; 32]), text: "x".to_owned(), signature: Signature([2; 64]) };
            log.append(&[&deletion]).await
        };
        let together = futures::future::join_all((0..50).map(|_| small())).await;
        assert!(together.iter().all(Result::is_ok));
        let newest = std::fs::read_to_string(folder.path().join(DELETION_FILE)).unwrap();
        assert!(newest.lines().count() >= 50);
        assert!(newest.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }
}
