//! Scenarios of money: the ledger in rows, epochs, exact meters, charges.

mod arrears;
mod charged;
mod epoch_jumps;
mod ledger_rows;
mod settled;
