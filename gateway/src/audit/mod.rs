//! Looking whether things are as they should be.

mod check;
mod report;

pub use check::{Stores, check};
pub use report::{BackendReport, CheckReport, SliverProblem};
