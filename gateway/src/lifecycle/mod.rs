//! When objects expire, move to another storage class, and uploads are aborted. Pure: rules and facts about versions
//! in, actions out.

mod calendar;
mod everything;
mod plan;
mod rule;
mod when;

pub use calendar::Calendar;
pub use everything::everything_goes;
pub use plan::{Action, Planner, VersionFact};
pub use rule::{
    Configuration, Expiration, Filter, LifecycleObject, MinimumSize, NoncurrentExpiration, NoncurrentTransition, Rule,
    Scope, Transition,
};
pub use when::When;
