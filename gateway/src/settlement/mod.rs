//! Settlement: what each bucket owes for an epoch and who earns it, as a plan that anyone can make from what is published.
#![doc = include_str!("SETTLEMENT.md")]

mod charging;
mod check;
mod claims;
mod draft;
mod gather;
mod holdback;
mod inputs;
mod network;
mod parse;
mod periods;
mod plan;
#[cfg(any(test, feature = "fuzzing"))]
pub mod probe;
mod repair_fund;
mod report;
mod rewards;
mod settle;
pub mod simulation;
mod slashing;
mod stake_turn;
#[cfg(test)]
mod tests;
mod text;
mod transfer_id;

pub use charging::{Unpaid, owed_by};
pub use check::InputsError;
pub use claims::planned_epoch;
pub use gather::governance::{count_votes, parameters_in};
pub use inputs::{
    BucketUsage, EpochInputs, Evidence, FloorFacts, Loss, OpenPeriod, PayerFunds, ProviderFacts, StakeFacts,
    StakePhase, Standing, Verdicts,
};
pub use network::{Network, NetworkError};
pub use parse::{INPUTS_BYTES_MAX, ParseError, parse};
pub use periods::{Fault, Outcome, Period};
pub use plan::{FloorOutcome, Plan, ProviderChange, plan};
pub use settle::{Planned, SettleError, Settler};
pub use stake_turn::{PoolChange, StakeChange, StakeOutcome};
pub use text::encode;
pub use transfer_id::{book_name, transfer_id};
