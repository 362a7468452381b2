//! A small file that is replaced as a whole: whoever reads it sees the old one or the new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Replaces the file of this name in a folder, durably. Whoever calls this keeps others from doing it at the same time.
///
/// # Errors
/// It cannot be written; the old one is there then.
pub(in crate::node::server) fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let staged = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&staged, folder.join(name))?;
    File::open(folder)?.sync_all()
}
