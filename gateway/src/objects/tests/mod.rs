//! The use cases against real directories and a real database, with faults.

mod auditing;
mod classes;
mod collecting;
mod damage;
mod degraded;
mod empty;
mod encrypted;
mod fixture;
mod gather_model;
mod idle_readers;
mod journaled;
mod liveness;
mod moving;
mod orphans;
mod parts;
mod placed;
mod repairing;
mod round_trip;
mod scrubbing;
mod slow;
