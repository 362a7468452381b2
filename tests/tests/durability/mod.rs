//! What survives: lost backends, kills, full disks, rollbacks, upgrades.

mod draining;
mod failpoints;
mod full_disk;
mod kill_loop;
mod losing_backends;
mod own_backend;
mod repair;
mod rollbacks;
mod short_of_space;
mod standing_still;
mod upgrade;
