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
    /// Slivers that are to be rebuilt because this check found them missing or wrong.
    #[serde(default)]
    pub repairing: u64,
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
    pub missing: SliverProblems,
    /// Slivers with another length or other bytes than the database says, by name.
    pub wrong: SliverProblems,
    /// Slivers that no row knows and no living gateway can be writing.
    pub orphaned: SliverProblems,
    /// Slivers of uploads that are under way.
    pub in_flight: u64,
}

/// Slivers with one kind of problem. Only so many are named, because there may be as many as the cluster has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliverProblems {
    /// How many there are.
    pub count: u64,
    /// The first 10,000 of them.
    pub named: Vec<SliverProblem>,
}

/// The most slivers that a report names for each backend and kind of problem.
const NAMED_MAX: usize = 10_000;

impl SliverProblems {
    /// Adds one.
    pub fn add(&mut self, sliver: String, reason: String) {
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(SliverProblem { sliver, reason });
        }
    }
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
            b.unreachable.is_none() && b.missing.count == 0 && b.wrong.count == 0 && b.orphaned.count == 0
        };
        self.backends.iter().all(fine)
            && self.metadata.is_empty()
            && self.degraded_blobs == 0
            && self.unreadable_blobs == 0
    }
}
