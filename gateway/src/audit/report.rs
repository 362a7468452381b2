//! What a check found.

use serde::{Deserialize, Serialize};

/// The outcome of `haulout check`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Whether every byte was read, or only names and lengths.
    pub deep: bool,
    /// Each backend.
    pub backends: Vec<BackendReport>,
    /// Blobs in the database.
    pub blobs: u64,
    /// Blobs that lack slivers but can be read.
    pub degraded_blobs: u64,
    /// Blobs with fewer than k good slivers: their content cannot be read.
    pub unreadable_blobs: u64,
    /// Broken invariants of the metadata, each in words.
    pub metadata: Vec<String>,
}

/// What a check found on one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendReport {
    /// The backend.
    pub backend: String,
    /// Why it could not be checked, if so; then all of its slivers count as missing.
    pub unreachable: Option<String>,
    /// Slivers the database expects there.
    pub expected: u64,
    /// Expected slivers that are not there, by name.
    pub missing: Vec<SliverProblem>,
    /// Slivers with another length or other bytes than the database says, by name.
    pub wrong: Vec<SliverProblem>,
    /// Slivers that no row knows and no living gateway can be writing.
    pub orphaned: Vec<SliverProblem>,
    /// Slivers of uploads that are under way.
    pub in_flight: u64,
}

/// One sliver and its problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliverProblem {
    /// Its name on the backend.
    pub sliver: String,
    /// What was seen.
    pub reason: String,
}

impl CheckReport {
    /// Whether nothing is missing, wrong, orphaned or below its promised redundancy.
    #[must_use]
    pub fn clean(&self) -> bool {
        let fine = |b: &BackendReport| {
            b.unreachable.is_none() && b.missing.is_empty() && b.wrong.is_empty() && b.orphaned.is_empty()
        };
        self.backends.iter().all(fine)
            && self.metadata.is_empty()
            && self.degraded_blobs == 0
            && self.unreadable_blobs == 0
    }
}
