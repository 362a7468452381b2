//! Whether backends hold what the metadata says: the check that an operator asks for, and the scrub that goes on by itself.

mod check;
mod report;
mod scrub;

pub use check::{Stores, check};
pub use report::{BackendReport, CheckReport, SliverProblem, SliverProblems};
pub use scrub::{Scrub, Scrubbed};
