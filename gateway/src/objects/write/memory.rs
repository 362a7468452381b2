//! What a write takes from the budget of memory.

use codec::Scheme;

use crate::objects::budget::Reservation;

/// What is received of a body before it takes anything from the budget: part of what a connection costs. A sender that
/// never gets this far holds nothing that others wait for.
pub(crate) const FIRST_BYTES: usize = 16 << 10;

/// Stripes' worth of memory of a write that has ample: four being received, eight in the digest lane, four of which are being coded, and
/// with their parity four being written and four waiting in the slivers' queues.
pub(crate) const STRIPES_HELD_AMPLE: u64 = 24;

/// The same when memory is short: thirty-two such writes fit the default budget.
pub(crate) const STRIPES_HELD: u64 = 4;

/// Bytes that so much content takes until it is written: itself, and its blocks.
pub(crate) fn coded_bytes(scheme: Scheme, content: u64) -> u64 {
    let (k, n) = (scheme.k() as u64, scheme.n() as u64);
    content.saturating_add(content.saturating_mul(n) / k.max(1))
}

/// The memory a write holds, for one blob or longer.
pub(crate) struct MemoryGrant {
    pub(crate) memory_level: MemoryLevel,
    _reservation: Reservation,
}

/// How much memory that is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryLevel {
    /// Enough to do everything at once, and to begin a blob while the one before is being sealed.
    Ample,
    /// Enough for one thing after the other.
    Scarce,
    /// Enough for what has been received: its sender is slow and others wait.
    Spill,
}

impl MemoryGrant {
    /// So much, for as long as it is held.
    pub(crate) fn new(memory_level: MemoryLevel, reservation: Reservation) -> Self {
        Self { memory_level, _reservation: reservation }
    }
}
