//! Taking local backends away and bringing them back, intact or empty.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::TestGateway;

impl TestGateway {
    /// Where the local backend `b{number}` lies.
    #[must_use]
    pub fn backend_folder(&self, number: usize) -> PathBuf {
        self.data().join("backends").join(format!("b{number}"))
    }

    /// Pulls the cable: the folder is gone, and can come back.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn take_away(&self, number: usize) -> Result<()> {
        fs::rename(self.backend_folder(number), self.aside(number)).with_context(|| format!("b{number}"))
    }

    /// Puts the cable back.
    ///
    /// # Errors
    /// It was not taken away.
    pub fn bring_back(&self, number: usize) -> Result<()> {
        let folder = self.backend_folder(number);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::rename(self.aside(number), folder).with_context(|| format!("b{number}"))
    }

    /// The disk is lost, with all that was on it.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn destroy(&self, number: usize) -> Result<()> {
        fs::remove_dir_all(self.backend_folder(number)).with_context(|| format!("b{number}"))
    }

    /// A new, empty disk stands in the place of the old one.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn bring_back_empty(&self, number: usize) -> Result<()> {
        Ok(fs::create_dir_all(self.backend_folder(number))?)
    }

    /// Every sliver file of a backend but those of the journal, in no order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn slivers_of(&self, number: usize) -> Result<Vec<PathBuf>> {
        let mut slivers = crate::files::files_below(&self.backend_folder(number))?;
        let journal = crate::journal_names::JournalNames::of(self.data())?;
        slivers.retain(|path| crate::files::is_sliver(path) && !journal.has(path));
        Ok(slivers)
    }

    /// Every sliver file of the journal on a backend, in no order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn journal_of(&self, number: usize) -> Result<Vec<PathBuf>> {
        let mut slivers = crate::files::files_below(&self.backend_folder(number))?;
        let journal = crate::journal_names::JournalNames::of(self.data())?;
        slivers.retain(|path| crate::files::is_sliver(path) && journal.has(path));
        Ok(slivers)
    }

    fn aside(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("b{number}.away"))
    }
}
