//! Numbers of parts.

/// The number of a part: 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartNumber(u16);

/// A part number outside 1 to 10,000 (`InvalidArgument`).
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error("part number must be an integer between 1 and 10000, inclusive")]
pub struct PartNumberError;

impl PartNumber {
    /// The highest number, and so the most parts of an upload.
    pub const MAX: u16 = 10_000;

    /// Checks a number.
    ///
    /// # Errors
    /// When it is outside 1 to 10,000.
    pub fn new(number: i64) -> Result<Self, PartNumberError> {
        u16::try_from(number).ok().filter(|n| (1..=Self::MAX).contains(n)).map(Self).ok_or(PartNumberError)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}
