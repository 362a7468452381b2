//! The composition root: the command line, start-up and shutdown, and the wiring of every room.

pub mod listener;
