//! The data folder: files a gateway keeps beside its database and its backends.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

/// The rights of the group and of everybody else.
const OF_OTHERS: u32 = 0o077;
/// The mode of folders in which everybody may make files.
const STICKY: u32 = 0o1000;
/// The file that a serving process locks.
const LOCK: &str = "serve.lock";

/// The folder, known to exist.
#[derive(Clone, Debug)]
pub struct DataFolder(PathBuf);

/// A file lock held while a gateway serves from the folder; the kernel releases it even after `kill -9`.
#[derive(Debug)]
pub struct ServeLock(#[expect(dead_code, reason = "holding it is its use")] File);

impl DataFolder {
    /// Makes the folder, for its owner alone. One that is there is closed to others if it is a gateway's own; if it cannot be, or
    /// is not, that is only logged: whatever is secret in it has a mode of its own.
    ///
    /// # Errors
    /// It is not there and cannot be made.
    pub fn make(path: &Path) -> anyhow::Result<Self> {
        make_durable(path).with_context(|| format!("cannot make the data folder {}", path.display()))?;
        let folder = Self::find(path)?;
        folder.close_to_others()?;
        Ok(folder)
    }

    fn close_to_others(&self) -> anyhow::Result<()> {
        let mode = std::fs::metadata(&self.0)?.permissions().mode();
        if mode & OF_OTHERS == 0 {
            return Ok(());
        }
        let shown = format!("{:o}", mode & 0o7777);
        let closed = self.is_own(mode)? && {
            // Only the folder's owner may, which in a container need not be the gateway.
            std::fs::set_permissions(&self.0, Permissions::from_mode(mode & 0o7777 & !OF_OTHERS)).is_ok()
        };
        if closed {
            tracing::info!(folder = %self.0.display(), mode = shown, "the data folder was open to others and is no more");
        } else {
            tracing::warn!(folder = %self.0.display(), mode = shown, "the data folder is open to others; chmod 700 it");
        }
        Ok(())
    }

    /// Whether the folder is there for a gateway alone, so that nobody else needs to enter it: it is empty or was used before, and
    /// is no folder like `/tmp` that all share.
    fn is_own(&self, mode: u32) -> anyhow::Result<bool> {
        let shared = mode & STICKY != 0 || self.0.parent().is_none();
        let used = [LOCK, "cluster.key"].iter().any(|name| self.0.join(name).exists());
        Ok(!shared && (used || std::fs::read_dir(&self.0)?.next().is_none()))
    }

    /// Finds a folder that some gateway has made.
    ///
    /// # Errors
    /// There is none.
    pub fn find(path: &Path) -> anyhow::Result<Self> {
        let path = path.canonicalize().with_context(|| {
            format!(
                "there is no data folder {}: start `haulout serve` first, or name one with --data or --config",
                path.display()
            )
        })?;
        Ok(Self(path))
    }

    /// Where it is, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The admin socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join("admin.sock")
    }

    /// Takes the folder for one serving process.
    ///
    /// # Errors
    /// Another process serves from it.
    pub fn lock(&self) -> anyhow::Result<ServeLock> {
        let path = self.0.join(LOCK);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let owner = std::fs::read_to_string(&path).unwrap_or_default();
            bail!("another gateway (process {}) already serves from {}", owner.trim(), self.0.display());
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(ServeLock(file))
    }

    /// Reads a secret file; `None` when there is none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read_secret(&self, name: &str) -> anyhow::Result<Option<Zeroizing<String>>> {
        let path = self.0.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Zeroizing::new(text))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes a secret file, readable by its owner alone, durable on return, whole or not at all.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written.
    pub fn write_secret(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (path, fresh) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let write = || {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
            // One that was left behind may have another mode.
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&fresh, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Removes a file; an absent one is fine.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn remove(&self, name: &str) -> anyhow::Result<()> {
        match std::fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {name} from {}", self.0.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Makes a folder and its ancestors, each for its owner alone, and syncs the parent of each that was made: a power cut must not
/// take back the folder of a database that was synced.
fn make_durable(path: &Path) -> std::io::Result<()> {
    let make = || std::fs::DirBuilder::new().mode(0o700).create(path);
    let there = |error: std::io::Error| if path.is_dir() { Ok(()) } else { Err(error) };
    match make() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_durable(path.parent().ok_or(error)?)?;
            make().or_else(there)?;
        }
        Err(error) => return there(error),
        Ok(()) => {}
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn secrets_are_for_their_owner_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&temporary.path().join("deep/data")).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(folder.read_secret("key").unwrap(), None);
        std::fs::write(folder.path().join("key.new"), "left behind").unwrap();
        folder.write_secret("key", "first").unwrap();
        folder.write_secret("key", "second").unwrap();
        assert_eq!(folder.read_secret("key").unwrap().unwrap().as_str(), "second");
        assert_eq!(mode(&folder.path().join("key")), 0o600);
        assert!(!folder.path().join("key.new").exists());
    }

    #[test]
    fn a_folder_that_is_open_to_others_is_closed_if_it_is_ones_own() {
        let temporary = tempfile::tempdir().unwrap();
        let open = |name: &str, mode: u32, file: Option<&str>| {
            let path = temporary.path().join(name);
            std::fs::create_dir(&path).unwrap();
            if let Some(file) = file {
                std::fs::write(path.join(file), "").unwrap();
            }
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            DataFolder::make(&path).unwrap();
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777
        };
        assert_eq!(open("new", 0o755, None), 0o700);
        assert_eq!(open("used", 0o777, Some("serve.lock")), 0o700);
        assert_eq!(open("set-group-id", 0o2770, None), 0o2700);
        assert_eq!(open("own", 0o700, Some("serve.lock")), 0o700);
        assert_eq!(open("somebody-elses", 0o755, Some("photo.jpg")), 0o755, "others may need it");
        assert_eq!(open("for-all", 0o1777, Some("serve.lock")), 0o1777, "as /tmp");
    }

    #[test]
    fn only_one_serves_from_a_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(temporary.path()).unwrap();
        let held = folder.lock().unwrap();
        let refused = folder.lock().expect_err("it is taken").to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(held);
        folder.lock().unwrap();
    }

    #[test]
    fn a_folder_nobody_made_is_not_made_by_looking() {
        let temporary = tempfile::tempdir().unwrap();
        let missing = temporary.path().join("missing");
        let error = DataFolder::find(&missing).expect_err("there is none").to_string();
        assert!(error.contains("haulout serve") && !missing.exists(), "{error}");
    }
}
