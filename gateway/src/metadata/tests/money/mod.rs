//! Scenarios of money: the ledger in rows, epochs, exact meters, charges, stake and votes.

mod charged;
mod charged_epochs;
mod ledger_rows;
mod lost;
mod settled;
mod staked;
mod voted;
