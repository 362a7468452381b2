//! The files of an export, as a verifier reads them.

use std::collections::BTreeMap;

/// Files that are read by their paths in the export.
pub trait LogFiles {
    /// The content of a file; nothing if there is none.
    ///
    /// # Errors
    /// Why it cannot be read, or that it is longer than `bytes_max`.
    fn read(&self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, String>;
}

impl LogFiles for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, String> {
        match self.get(path) {
            Some(content) if u64::try_from(content.len()).is_ok_and(|bytes| bytes > bytes_max) => {
                Err(format!("longer than {bytes_max} bytes"))
            }
            content => Ok(content.cloned()),
        }
    }
}
