//! Which backends take the slivers of a new blob, and how many must have them before a write is acknowledged.
//! Pure: facts in, decisions out.

mod choose;
mod floor;
mod repair;

pub use choose::{Candidate, Choice, TooFewBackends, WriteHealth, choose};
pub use floor::write_floor;
pub use repair::{RepairPlan, SliverFact, SliverRebuild, plan_repair};
