//! Erasure coding of blocks.

mod copies;
mod decode_engine;
mod erasure_scheme;
mod pool;
mod reed_solomon;

#[cfg(test)]
mod conformance_tests;

pub use erasure_scheme::{ErasureScheme, ReconstructError};

use crate::{Scheme, SchemeKind};

/// The coder of a scheme.
#[must_use]
pub fn coder(scheme: Scheme) -> Box<dyn ErasureScheme> {
    match scheme.kind() {
        SchemeKind::ReedSolomon => Box::new(reed_solomon::ReedSolomon::new(scheme.k(), scheme.m())),
        SchemeKind::Copies => Box::new(copies::Copies::new(scheme.n())),
    }
}

/// The wanted blocks from any k blocks of a stripe; data and parity may be given and wanted. Blocks of several stripes with the same
/// loss may be concatenated into one call, which saves the fixed cost of a call.
///
/// # Errors
/// [`ReconstructError`] says whether more blocks would help.
pub fn reconstruct(scheme: Scheme, have: &[(u8, &[u8])], want: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, ReconstructError> {
    coder(scheme).reconstruct(have, want)
}
