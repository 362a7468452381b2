//! Verifies an export offline: the tree, the signatures, the sums, and that each epoch was settled by the rules.

mod books;
mod chain;
mod epoch;
mod files;
mod planned;
mod recompute;
mod report;
mod section;
mod state;
mod verifier;

pub use books::Sums;
pub use chain::{Chain, Left};
pub use epoch::Plan;
pub use files::LogFiles;
pub use planned::{Claims, PlannedEpoch};
pub use recompute::{GivenSection, RecomputeError, RecomputedHead, recompute};
pub use report::{FAULTS_MAX, Fault, Report};
pub use state::LedgerState;
pub use verifier::{Verification, verify};
