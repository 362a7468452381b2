//! What the end of a sliver says, while its bytes go by.

use codec::{FOOTER_TAIL_BYTES, FooterTail, Root};

use crate::StoreError;

/// Counts bytes and keeps the last of them.
#[derive(Debug, Default)]
pub(super) struct SliverTail {
    len: u64,
    last: Vec<u8>,
}

impl SliverTail {
    /// The next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        let kept = &bytes[bytes.len().saturating_sub(FOOTER_TAIL_BYTES)..];
        self.last.extend_from_slice(kept);
        let surplus = self.last.len().saturating_sub(FOOTER_TAIL_BYTES);
        self.last.drain(..surplus);
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The root that the sliver claims.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: these bytes do not end as a sliver does, and a node takes nothing else.
    pub(super) fn root(&self) -> Result<Root, StoreError> {
        FooterTail::parse(&self.last).map(|tail| tail.root).map_err(StoreError::damaged)
    }
}
