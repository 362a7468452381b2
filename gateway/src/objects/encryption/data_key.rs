//! A data key in the clear.

use std::fmt;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::domain::KeyCheck;

const CHECK: &[u8] = b"Haulout v1 customer key check";

/// 32 bytes that encipher content: a client's key, or one that a key service made. Never stored, never printed, erased when
/// dropped.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What tells this key from others, under a random salt.
    pub(crate) fn check(&self, salt: [u8; 16]) -> KeyCheck {
        let tag = sign(&Key::new(HMAC_SHA256, self.0.as_slice()), &[CHECK, &salt].concat());
        let mut digest = [0; 32];
        digest.copy_from_slice(tag.as_ref());
        KeyCheck { salt, digest }
    }

    /// Whether it is the key that was checked in. Takes the same time for every key.
    pub(crate) fn is(&self, check: &KeyCheck) -> bool {
        self.check(check.salt).digest.ct_eq(&check.digest).into()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_again_and_not_shown() {
        let key = DataKey::new([0xab; 32]);
        let check = key.check([1; 16]);
        assert!(key.is(&check));
        assert!(!DataKey::new([0xac; 32]).is(&check));
        assert_ne!(check.digest, key.check([2; 16]).digest);
        assert_eq!(format!("{key:?}"), "DataKey(..)");
    }
}
