//! The scenarios, one module a file, in one binary, which is linked once.
//!
//! `tests/run NAME` runs those whose name contains NAME.

mod clients;
mod durability;
mod histories;
mod objects;
mod operations;
mod security;
