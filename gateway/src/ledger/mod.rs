//! The ledger.

pub mod log;
