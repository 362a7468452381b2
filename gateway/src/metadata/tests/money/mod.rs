//! Scenarios of money: the ledger in rows, epochs, exact meters, charges, stake and votes.

mod arrears;
mod charged;
mod charged_epochs;
mod epoch_jumps;
mod floored;
mod forged;
mod ledger_rows;
mod left;
mod lost;
mod mode_changes;
mod settled;
mod silent;
mod slashed;
mod staked;
mod voted;
