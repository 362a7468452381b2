//! The data folder: files a gateway keeps beside its database and its backends.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

/// The folder, known to exist.
#[derive(Clone, Debug)]
pub struct DataFolder(PathBuf);

/// A file lock held while a gateway serves from the folder; the kernel releases it even after `kill -9`.
#[derive(Debug)]
pub struct ServeLock(#[expect(dead_code, reason = "holding it is its use")] File);

impl DataFolder {
    /// Makes the folder, for its owner alone, unless it is there.
    ///
    /// # Errors
    /// It is not there and cannot be made.
    pub fn make(path: &Path) -> anyhow::Result<Self> {
        make_durable(path).with_context(|| format!("cannot make the data folder {}", path.display()))?;
        let folder = Self::find(path)?;
        let mode = std::fs::metadata(&folder.0)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(folder = %folder.0.display(), mode = format!("{:o}", mode & 0o777), "the data folder is readable by others; chmod 700 it");
        }
        Ok(folder)
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
        let path = self.0.join("serve.lock");
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
