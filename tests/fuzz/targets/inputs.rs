//! Feeds `gateway::settlement::probe::inputs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::settlement::probe::inputs(bytes));
