//! What is metered.

use crate::domain::bucket::bucket_row::BucketId;

/// An amount to add to a bucket's meters of the current hour. Settlement reads the sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageDelta {
    /// GET, HEAD and every other request that changes nothing.
    pub requests_read: u64,
    /// PUT, POST, DELETE, COPY and LIST, as price lists group them.
    pub requests_write: u64,
    /// Bytes of request bodies.
    pub ingress_bytes: u64,
    /// Bytes of response bodies.
    pub egress_bytes: u64,
}

impl UsageDelta {
    /// Adds another amount, saturating.
    pub fn add(&mut self, other: &Self) {
        self.requests_read = self.requests_read.saturating_add(other.requests_read);
        self.requests_write = self.requests_write.saturating_add(other.requests_write);
        self.ingress_bytes = self.ingress_bytes.saturating_add(other.ingress_bytes);
        self.egress_bytes = self.egress_bytes.saturating_add(other.egress_bytes);
    }

    /// Whether there is nothing to add.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// Amounts waiting to be written, by bucket.
pub type UsageByBucket = std::collections::HashMap<BucketId, UsageDelta>;
