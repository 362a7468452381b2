//! The backends of the cluster: heartbeats, absences, drains, audits.

mod absences;
mod audits;
mod draining;
mod heartbeats;
mod providers;
