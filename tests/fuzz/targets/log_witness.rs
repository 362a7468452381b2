//! Feeds `gateway::ledger::log::probe::log_witness`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::ledger::log::probe::log_witness(bytes));
