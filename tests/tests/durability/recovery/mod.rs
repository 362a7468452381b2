//! The database is lost, and rebuilt from the backends.

mod locks;
mod lost_database;
mod old_gateway;
mod recovered_objects;
mod rotated_key;
mod unfinished_compaction;
mod withheld;
