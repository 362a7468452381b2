//! Which backends take the slivers of a new blob, and how many must have them before a write is acknowledged.
//! Pure: facts in, decisions out.

mod candidate;
mod choose;
mod evaluate;
mod floor;
mod network;
mod rebalance;
mod relax;
mod rendezvous;
mod repair;
mod rule;
mod spread;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vetting_tests;

pub use candidate::{Candidate, FailureDomains, Vetting, WriteHealth};
pub use choose::{Choice, TooFewBackends, choose, zone_at_risk};
pub use evaluate::{BackendVerdict, Evaluation, SchemeVerdict, evaluate};
pub use floor::write_floor;
pub use network::network_of;
pub use rebalance::{RebalancePlan, plan_rebalance};
pub use relax::Relaxation;
pub use repair::{RepairPlan, SliverFact, SliverRebuild, plan_repair, plan_repair_with_successors};
pub use rule::{RuleRefusal, admitted, bar_outside, refusal};
