//! What `haulout check --json` says.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::Outcome;

/// One report.
pub struct CheckReport {
    /// Its exit code: 0 when all is well.
    pub code: i32,
    /// The whole of it.
    pub json: Value,
    text: String,
}

impl CheckReport {
    pub(crate) fn read(outcome: &Outcome) -> Result<Self> {
        let json = serde_json::from_str(&outcome.stdout).with_context(|| outcome.describe())?;
        Ok(Self { code: outcome.code, json, text: outcome.describe() })
    }

    /// Nothing missing, nothing wrong, nothing left over.
    ///
    /// # Errors
    /// Something is.
    pub fn must_be_clean(&self) -> Result<()> {
        ensure!(self.code == 0, "check is not clean: {}", self.text);
        Ok(())
    }

    /// How many slivers it says are missing.
    #[must_use]
    pub fn missing(&self) -> usize {
        let backends = self.json["backends"].as_array().map(Vec::as_slice).unwrap_or_default();
        backends.iter().filter_map(|backend| usize::try_from(backend["missing"]["count"].as_u64()?).ok()).sum()
    }

    /// How many slivers it says are damaged.
    #[must_use]
    pub fn wrong(&self) -> usize {
        let backends = self.json["backends"].as_array().map(Vec::as_slice).unwrap_or_default();
        backends.iter().filter_map(|backend| usize::try_from(backend["wrong"]["count"].as_u64()?).ok()).sum()
    }

    /// It must say that something is not right; returns all it said.
    ///
    /// # Errors
    /// It found nothing.
    pub fn must_complain(&self) -> Result<&str> {
        ensure!(self.code != 0, "check should have complained: {}", self.text);
        Ok(&self.text)
    }
}
