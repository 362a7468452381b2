//! Histories of many clients at once, held against what keys promise.

mod client;
mod concurrent;
mod load;
mod partitions;
mod world;
