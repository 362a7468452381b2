//! Meters: what each bucket did in each hour.

use super::{MetadataStore, Result};
use crate::domain::{BucketId, UsageByBucket};

/// The meters of one bucket in one hour, summed over gateways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageRow {
    /// Hours since the Unix epoch, database time.
    pub hour: i64,
    /// Requests that change nothing.
    pub requests_read: u64,
    /// Requests that change something or list.
    pub requests_write: u64,
    /// Bytes of request bodies.
    pub ingress_bytes: u64,
    /// Bytes of response bodies.
    pub egress_bytes: u64,
    /// Encoded bytes of versions and parts that came: content with parity, tags and padding, by share of the blob.
    pub encoded_bytes_added: u64,
    /// Encoded bytes of versions and parts that went; each exactly what was added for it.
    pub encoded_bytes_removed: u64,
    /// Content bytes that came.
    pub content_bytes_added: u64,
    /// Content bytes that went.
    pub content_bytes_removed: u64,
}

impl MetadataStore {
    /// Adds to the meters of the current hour.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn add_usage(&self, incarnation: u32, usage: UsageByBucket) -> Result<()> {
        todo!()
    }

    /// The meters of a bucket for the hours `from_hour..to_hour`, ascending; hours without anything are left out.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn usage(&self, bucket: BucketId, from_hour: i64, to_hour: i64) -> Result<Vec<UsageRow>> {
        todo!()
    }
}
