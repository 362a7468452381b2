//! Request ids, as in responses and log lines.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::clock::{Entropy, random};

/// The name of one request: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    fn digits(self) -> [u8; 16] {
        let mut digits = [0; 16];
        // Sixteen bytes hold eight bytes of hexadecimal.
        let _ = hex::encode_to_slice(self.0.to_be_bytes(), &mut digits);
        digits.make_ascii_uppercase();
        digits
    }

    /// As a header.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.digits()).expect("hexadecimal digits are visible ASCII")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

/// Names requests, and the process that answers them.
#[derive(Debug)]
pub struct RequestIds {
    next: AtomicU64,
    host: HeaderValue,
}

impl RequestIds {
    /// Begins at a random number, so that ids of two runs do not meet.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        let start = u64::from_be_bytes(random(entropy));
        let host = STANDARD.encode(random::<48>(entropy));
        let host = HeaderValue::from_str(&host).expect("base64 is visible ASCII");
        Self { next: AtomicU64::new(start), host }
    }

    /// The next id. Neighbours look unlike each other, so that nobody mistakes one for another.
    pub fn next(&self) -> RequestId {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        RequestId(self.next.fetch_add(ODD, Ordering::Relaxed))
    }

    /// The process, as `x-amz-id-2` and `<HostId>` show it.
    #[must_use]
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    #[test]
    fn ids_are_sixteen_digits_and_differ() {
        let ids = RequestIds::new(&SystemEntropy);
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        assert_eq!(first.to_string().len(), 16);
        assert_eq!(first.header(), first.to_string());
    }
}
