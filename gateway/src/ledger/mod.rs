//! The rules of the ledger: which transfers may be posted, what they do to balances, how amounts are split, and what usage and funds
//! come to. Pure.
#![doc = include_str!("LEDGER.md")]

mod arrears;
mod balance;
mod books;
mod entry;
mod epoch_jump;
mod funds;
pub mod log;
mod metering;
mod outcome;
mod price_step;
mod quote;
mod split;
mod transfer_key;

#[cfg(test)]
mod tests;

pub use arrears::{Announced, ArrearsFacts, ArrearsStage, ArrearsTerms};
pub use balance::{Balance, is_limited};
pub use books::{Books, Recorded};
pub use entry::{Entry, Phase};
pub use epoch_jump::epoch_jump;
pub use funds::{Funds, Shortfall, alert_due};
pub use metering::{ChargedMeters, HOUR_MICROS, HourMeters};
pub use outcome::{Field, Outcome, Refusal, Resolution};
pub use price_step::next_prices;
pub use quote::{quote, requests_of_upload};
pub use split::split;
pub use transfer_key::transfer_id;
