//! Words of money: amounts, epochs, accounts, and transfers between them.
//!
//! Everything is an integer. The unit is FROST, of which a WAL has 10^9, as at Walrus.

pub mod account;
pub mod epoch;
pub mod frost;
pub mod mode;
pub mod price;
pub mod transfer;
