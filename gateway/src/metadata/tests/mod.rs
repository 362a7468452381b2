//! Stories told on both databases.

mod fixture;
mod server;
mod writes;
