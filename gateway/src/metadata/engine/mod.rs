//! The database engines: pools, sessions, statements and rows of SQLite and PostgreSQL, and what they spell differently.
//!
//! Knows no table of its own but that of migrations. The aggregates are in the sibling folders.

pub(crate) mod columns;
pub(crate) mod database;
pub(crate) mod dialect;
pub(crate) mod exact_cache;
pub(crate) mod lock_columns;
pub(crate) mod migrate;
pub(crate) mod postgres;
pub(crate) mod row;
pub(crate) mod row_triggers;
pub(crate) mod schema;
pub(crate) mod session;
pub(crate) mod simulated;
pub(crate) mod sqlite;
pub(crate) mod statement;
