//! The codec as others see it: blobs written, damaged, lost, read and recovered through the public interface alone.
#![expect(clippy::unwrap_used, reason = "a test suite: failing is its way to speak")]

mod catalog;
mod damage;
mod encoding;
mod geometry;
mod golden;
mod possession;
mod recovery;
mod round_trip;
mod sample;
