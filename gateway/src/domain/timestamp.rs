//! A point in time.

/// Microseconds since the Unix epoch, UTC.
///
/// Used for what people see (Last-Modified) and for expiry; never to order versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds since the epoch, rounded towards the past.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The time `seconds` later.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The start of the hour this time lies in, as hours since the epoch: the key of metering rows.
    #[must_use]
    pub fn hour(self) -> i64 {
        self.seconds().div_euclid(3_600)
    }
}
