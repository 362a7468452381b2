//! What survives: lost backends, kills, full disks, rollbacks, upgrades.

mod absences;
mod audits;
mod background_failpoints;
mod byzantine;
mod clock_steps;
mod draining;
mod failpoints;
mod full_disk;
mod kill_loop;
mod losing_backends;
mod moving;
mod own_backend;
mod placement;
mod power_loss;
mod recovery;
mod repair;
mod rollbacks;
mod short_of_space;
mod standing_still;
mod upgrade;
mod writers;
