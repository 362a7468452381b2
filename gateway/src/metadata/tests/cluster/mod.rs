//! The backends of the cluster: heartbeats, absences, drains.

mod absences;
mod draining;
mod heartbeats;
