//! Which backends take the slivers of a new blob, and how many must have them before a write is acknowledged.
//! Pure: facts in, decisions out.

mod choose;
mod floor;
mod repair;

pub use choose::{Candidate, Choice, Standing, TooFewBackends, choose};
pub use floor::write_floor;
pub use repair::{Remake, RepairPlan, SliverFact, plan_repair};
