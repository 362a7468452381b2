//! Clock and randomness as parameters. Nothing else in this crate reads either from the system.

use std::fmt::Debug;
use std::sync::Arc;

use crate::domain::Timestamp;

/// The wall clock. Deadlines use `tokio::time`, order uses database sequences.
pub trait Clock: Send + Sync + Debug {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync + Debug {
    /// Fills the buffer with random bytes fit for keys.
    fn fill(&self, buffer: &mut [u8]);
}

/// Random bytes as an array.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// An id that nobody else draws: the time in microseconds in seven bytes, and nine random ones. Indexes over such ids grow at their
/// ends instead of being written all over; nothing may go by the time in them.
pub fn time_ordered_id(ambient: &Ambient) -> [u8; 16] {
    let mut id = random::<16>(&*ambient.entropy);
    id[..7].copy_from_slice(&ambient.clock.now().0.to_be_bytes()[1..]);
    id
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws random bytes")]
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system always has random numbers for a running process");
    }
}

/// Both, as they are handed around.
#[derive(Debug, Clone)]
pub struct Ambient {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Ambient {
    /// The system's own.
    #[must_use]
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
    }
}
