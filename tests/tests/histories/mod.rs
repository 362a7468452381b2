//! Histories of many clients at once, held against what keys promise.

mod client;
mod concurrent;
mod partitions;
