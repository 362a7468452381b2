//! Verifies an export offline: the tree, the signatures, the sums, and that each epoch was settled by the rules.

mod books;
mod epoch;
mod files;
mod recompute;
mod report;
mod verifier;

pub use epoch::Plan;
pub use files::LogFiles;
pub use recompute::{GivenSection, RecomputeError, RecomputedHead, recompute};
pub use report::{FAULTS_MAX, Fault, Report};
pub use verifier::{Verification, verify};
