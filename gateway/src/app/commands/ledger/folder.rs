//! The folder of an export.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::ledger::log::verify::LogFiles;

/// The files of an export below a folder.
pub(super) struct Folder(pub(super) PathBuf);

impl LogFiles for Folder {
    fn read(&self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, String> {
        match read(&self.0.join(path), bytes_max) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn read(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|bytes| bytes <= bytes_max) {
        Ok(content)
    } else {
        Err(std::io::Error::new(ErrorKind::FileTooLarge, format!("longer than {bytes_max} bytes")))
    }
}

/// Reads a file that the user named.
pub(super) fn read_named(path: &Path, bytes_max: usize) -> Result<Vec<u8>> {
    let bytes_max = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    read(path, bytes_max).with_context(|| format!("cannot read {}", path.display()))
}

impl Folder {
    /// A folder for a new export: what stands in it already is never overwritten.
    pub(super) fn begin(path: &Path) -> Result<Self> {
        let context = || format!("cannot make {}", path.display());
        fs::create_dir_all(path).with_context(context)?;
        if fs::read_dir(path).with_context(context)?.next().is_some() {
            bail!("{} is not empty: an export begins in a folder of its own", path.display());
        }
        Ok(Self(path.to_owned()))
    }

    /// Writes a file of the export.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> std::io::Result<()> {
        let path = self.0.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, content)
    }
}
