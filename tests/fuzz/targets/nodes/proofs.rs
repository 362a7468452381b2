//! Feeds `backends::probe::proofs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backends::probe::proofs(bytes));
