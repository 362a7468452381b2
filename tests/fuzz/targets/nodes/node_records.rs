//! Feeds `backends::node::protocol::probe::records`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backends::node::protocol::probe::records(bytes));
