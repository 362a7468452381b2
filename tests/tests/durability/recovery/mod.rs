//! The database is lost, and rebuilt from the backends.

mod locks;
mod lost_database;
mod old_gateway;
mod recovered_objects;
mod unfinished_compaction;
mod withheld;
