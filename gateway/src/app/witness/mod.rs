//! A witness of published ledgers: the call `POST /add-checkpoint` of C2SP tlog-witness, and what it is given to recompute before it cosigns.
//!
//! ```text
//! witness.key                  the seed of the witness's key
//! witness/allowed.json         the logs that it cosigns
//! witness/<hash of origin>     how far a log is: what was cosigned, what was recomputed, what was refused
//! ```

mod allowed_logs;
mod answer;
mod kept_ledger;
mod kept_log;
mod router;
mod server;
#[cfg(test)]
mod tests;
mod witness_key;

pub(in crate::app) use allowed_logs::{AllowedLog, AllowedLogs};
pub(in crate::app) use kept_log::KeptLog;
pub(in crate::app) use router::router;
pub(in crate::app) use server::WitnessServer;
pub(in crate::app) use witness_key::make_key;
