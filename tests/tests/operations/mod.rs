//! What an operator does: first start, commands, signals, health.

mod commands;
mod first_run;
mod ops;
mod signals;
