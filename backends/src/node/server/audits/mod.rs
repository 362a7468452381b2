//! The node's side of audits: proofs, its part in the choice of what is asked, and what gateways found.

mod epochs;
mod proving;
mod requests;
mod verdicts;

pub(super) use epochs::EpochBook;
pub(super) use proving::prove;
pub(super) use requests::{begin, report, reveal};
pub(super) use verdicts::VerdictLog;
