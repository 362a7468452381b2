//! Feeds `gateway::s3::probe::hosts`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::s3::probe::hosts(bytes));
