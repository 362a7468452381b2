//! What survives: lost backends, kills, full disks, rollbacks, upgrades.

mod absences;
mod audits;
mod background_failpoints;
mod byzantine;
mod clock_steps;
mod crashes;
mod draining;
mod failpoints;
mod full_disk;
mod losing_backends;
mod moving;
mod own_backend;
mod placement;
mod recovery;
mod repair;
mod rollbacks;
mod second_loss;
mod short_of_space;
mod standing_still;
mod upgrade;
