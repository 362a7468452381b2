//! The process or the power is gone from one moment to the next.

mod kill_loop;
mod power_loss;
mod writers;
