//! Whether backends hold what the metadata says: the check that an operator asks for, and what goes on by itself, the scrub of own disks and
//! the audits of every backend.

mod asking;
mod auditor;
mod backend_step;
mod check;
mod evidence;
mod judgement;
mod nodes;
mod pacing;
mod reading;
mod recheck;
mod recording;
mod report;
mod scrub;
mod selection;
mod unjudged;

pub use auditor::{AuditedBackend, Auditor, OpenBlob};
pub use check::{How, Stores, check};
pub use judgement::{Judgement, Presence, Sample, Shown, judge};
pub use recording::rules;
pub use report::{BackendReport, CheckReport, SliverProblem, SliverProblems};
pub use scrub::{Scrub, Scrubbed};
pub use selection::{Draw, Draws, detection_probability};
