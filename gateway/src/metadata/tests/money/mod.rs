//! Scenarios of money: the ledger in rows, epochs, exact meters, charges.

mod charged;
mod ledger_rows;
mod settled;
