//! Feeds `gateway::domain::probe::heartbeats`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::domain::probe::heartbeats(bytes));
