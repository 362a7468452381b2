//! A simulated network, by which the rules can be seen at work: how its parts fare under them over a year.

mod bank;
mod dice;
mod report;
mod world;
mod year;

pub use bank::Bank;
pub use dice::Dice;
pub use report::{Report, report};
pub use world::{Behaviour, Provider, World, YEAR_EPOCHS};
pub use year::{DISHONEST_FROM, Settled, most_for};
