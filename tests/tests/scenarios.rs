//! The scenarios, one module a file, in one binary: each used to be linked alone, which took minutes of every run.
//!
//! `tests/run NAME` runs one of them; so does `cargo nextest run -p haulout-tests --test scenarios NAME::`.

mod access;
mod access_logs;
mod aws_cli;
mod bad_input;
mod boto3;
mod browser;
mod commands;
mod conditional_writes;
mod costly_attacks;
mod first_run;
mod full_disk;
mod identity;
mod kill_loop;
mod known_attacks;
mod lifecycle;
mod listing;
mod losing_backends;
mod multipart;
mod notifications;
mod ops;
mod own_backend;
mod ranges;
mod rclone;
mod repair;
mod restic;
mod rollbacks;
mod sdks;
mod settings_of_buckets;
mod several_users;
mod signals;
mod storage_classes;
mod upgrade;
mod web;
