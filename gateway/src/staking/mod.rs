//! Stake and votes: what a share of a pool is worth, when stake counts, what votes decide, and how much of the data each
//! provider is to hold. Pure: facts in, numbers out. The formulas are those of `settlement/SETTLEMENT.md`.

mod commission;
mod parameters;
mod percentile;
mod pool;
mod price_vote;
mod proportion;
mod proposal;
mod rate;
mod timing;
mod weights;

pub use commission::{COMMISSION_DELAY_EPOCHS, CommissionSchedule};
pub use parameters::{PARAMETER_RULES, Parameter, ParameterError, ParameterRule, Parameters, WHOLE_BP};
pub use percentile::{Vote, capacity_by_votes, is_quorum, percentile};
pub use pool::{Departure, Pool, STAKE_MIN, Turn};
pub use price_vote::{FLOOR_AHEAD_EPOCHS_MAX, FloorError, PriceFloor, PriceVote, next_prices};
pub use proportion::{share_down, share_up};
pub use proposal::{Ballot, Proposal, ProposalError, Verdict, parameters_at};
pub use rate::ExchangeRate;
pub use timing::{StakeMoment, active_from, withdrawn_at};
pub use weights::{Candidacy, WEIGHT_WHOLE, settled_weight, weights};
