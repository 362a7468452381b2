//! What can be wrong with a sliver.

/// Why bytes are not the sliver they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SliverError {
    /// Not a sliver at all: another file, or its beginning is lost.
    #[error("not a sliver")]
    NotASliver,
    /// Written by another version of Haulout: read it with that version or a later one.
    #[error("sliver format {0}, this version reads format {supported}", supported = super::sizes::FORMAT_VERSION)]
    Version(u16),
    /// Too short or too long: truncated, or something was appended.
    #[error("{actual} bytes where {expected} are expected")]
    Length {
        /// What the layout says.
        expected: u64,
        /// What there is.
        actual: u64,
    },
    /// Bytes of the header or footer have changed.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// Sound, but of another cluster, blob, index or layout than was asked for.
    #[error("another sliver: its {0} differs")]
    Foreign(&'static str),
    /// Consistent in itself but not what the metadata recorded: stale, swapped or forged.
    #[error("not the sliver whose root was recorded")]
    Root,
    /// Blocks have changed.
    #[error("{count} damaged blocks, the first in stripe {first}")]
    Blocks {
        /// The first damaged block's stripe.
        first: u32,
        /// How many blocks are damaged.
        count: u32,
    },
}
