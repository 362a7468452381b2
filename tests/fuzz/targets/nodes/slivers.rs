//! Feeds `backends::probe::slivers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backends::probe::slivers(bytes));
