//! Feeds `gateway::s3::probe::signature`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::s3::probe::signature(bytes));
