//! Generates random access keys and canonical ids.

use zeroize::Zeroizing;

use crate::clock::{Entropy, random};
use crate::config::RootCredentials;
use crate::domain::CanonicalId;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A new access key in the form Amazon's have: `AKIA` and 16 letters and digits, a secret of 40. 238 bits of chance in
/// the secret, and no character that a shell or a URL would mind.
#[must_use]
pub fn generate(entropy: &dyn Entropy) -> RootCredentials {
    RootCredentials {
        access_key: format!("AKIA{}", drawn(entropy, UPPER, 16).as_str()),
        secret_key: drawn(entropy, MIXED, 40),
    }
}

/// A new canonical id.
#[must_use]
pub fn canonical_id(entropy: &dyn Entropy) -> CanonicalId {
    CanonicalId(hex::encode(random::<32>(entropy)))
}

fn drawn(entropy: &dyn Entropy, alphabet: &[u8], length: usize) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    // Bytes beyond the last whole multiple of the alphabet would favour its beginning.
    let fair = 256 - 256 % alphabet.len();
    while text.len() < length {
        let [byte] = random::<1>(entropy);
        if usize::from(byte) < fair {
            text.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use crate::config::refused_secret;

    #[test]
    fn keys_look_like_keys_and_differ() {
        let (one, two) = (generate(&SystemEntropy), generate(&SystemEntropy));
        assert_ne!(one, two);
        assert_eq!((one.access_key.len(), one.secret_key.len()), (20, 40));
        assert!(one.access_key.starts_with("AKIA"));
        assert_eq!(refused_secret(&one.access_key, &one.secret_key), None);
        assert_eq!(canonical_id(&SystemEntropy).0.len(), 64);
    }
}
