//! Rows of money: the ledger, epochs, and what buckets owe.

pub(super) mod accounts;
pub(super) mod arrears;
pub(super) mod bills;
pub(super) mod bucket_costs;
pub(super) mod bucket_meters;
pub(super) mod charging;
pub(super) mod earnings;
pub(super) mod epoch_jumps;
pub(super) mod epochs;
mod funds_row;
pub(super) mod held_samples;
pub(super) mod holds;
pub(super) mod losses;
pub(super) mod posting;
pub(super) mod provider_accounts;
pub(super) mod provider_bytes;
pub(super) mod settling;
pub(super) mod stored_entry;
