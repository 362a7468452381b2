//! Histories of many clients at once, held against what keys promise.

mod client;
mod concurrent;
mod failover;
mod load;
mod partitions;
mod world;
