//! Feeds `backends::probe::catalogs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backends::probe::catalogs(bytes));
