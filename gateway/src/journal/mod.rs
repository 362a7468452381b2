//! The journal: what is written to the backends about the rows of the database, from which it can be rebuilt.
//!
//! Pure: rows in, bytes out, and back. JOURNAL.md gives the format and says how segments follow each other.
#![doc = include_str!("JOURNAL.md")]

pub mod chain;
pub mod ledger_relations;
pub mod line;
pub mod record;
pub mod tag;
pub mod whole;
