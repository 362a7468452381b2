//! The node's side of audits: proofs, its part in the choice of what is asked, and what gateways found.

mod epochs;
mod proving;
mod verdicts;

pub(super) use epochs::{EpochBook, begin, reveal};
pub(super) use proving::prove;
pub(super) use verdicts::{VerdictLog, report};
