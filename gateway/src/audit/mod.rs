//! Consistency checks of metadata and backends.

mod check;
mod report;

pub use check::{Stores, check};
pub use report::{BackendReport, CheckReport, SliverProblem, SliverProblems};
