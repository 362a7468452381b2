//! The entry point of the fuzz target `inputs` in `tests/fuzz`: the text of an epoch's inputs, as anyone may hand it to a verifier.

use super::parse::parse;
use super::plan::plan;
use super::text::encode;

/// Reads bytes as inputs and plans what is read.
///
/// # Panics
/// If what is read is written in another way, or can't be planned.
pub fn inputs(bytes: &[u8]) {
    if let Ok(inputs) = parse(bytes) {
        assert_eq!(encode(&inputs).as_bytes(), bytes, "one form only");
        let plan = plan(&inputs).expect("what is read can be planned");
        assert!(plan.transfers.iter().all(|transfer| !transfer.amount.is_zero()), "nothing moves for nothing");
    }
}
