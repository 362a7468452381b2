//! Bytes that anyone can check without keeping a copy: a pseudo-random function of seed, key and version.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// The content of one version of one key. Any range of it can be made, or checked, at any time.
#[derive(Clone)]
pub struct Payload {
    hasher: Arc<blake3::Hasher>,
    /// How many bytes it has.
    pub len: u64,
}

impl Payload {
    /// The content that belongs to `version` of `key`, `len` bytes of it.
    #[must_use]
    pub fn new(key: &str, version: u64, len: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("haulout test payload");
        hasher.update(&version.to_le_bytes()).update(key.as_bytes());
        Self { hasher: Arc::new(hasher), len }
    }

    /// Some of it.
    #[must_use]
    pub fn range(&self, range: Range<u64>) -> Bytes {
        let end = range.end.min(self.len);
        let start = range.start.min(end);
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        let mut reader = self.hasher.finalize_xof();
        reader.set_position(start);
        reader.fill(&mut bytes);
        bytes.into()
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.range(0..self.len)
    }

    /// Whether `bytes` are what stands at `offset`.
    #[must_use]
    pub fn matches(&self, offset: u64, bytes: &[u8]) -> bool {
        let end = offset + bytes.len() as u64;
        end <= self.len && self.range(offset..end) == bytes
    }
}
