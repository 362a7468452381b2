//! When objects expire, move to another storage class, and uploads are given up. A rule book: rules and facts about versions
//! in, actions out.

mod calendar;
mod plan;
mod rule;

pub use calendar::Calendar;
pub use plan::{Action, Planner, VersionFact};
pub use rule::{
    Configuration, Expiration, Filter, MinimumSize, NoncurrentExpiration, NoncurrentTransition, Rule, Scope, Subject,
    Transition, When,
};
