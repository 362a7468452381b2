//! Epochs of audits: the gateway commits to a secret, the node draws a nonce, and later the secret is shown.

use codec::ClusterId;
use serde::{Deserialize, Serialize};

use super::call::cluster_text;
use super::{Failure, FailureCode, PublicKey, Signature, SigningKey, canonical};
use crate::EpochNonce;

/// What a node signs when an epoch begins, but for the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Whose epoch.
    pub cluster: ClusterId,
    /// The node.
    pub node: PublicKey,
    /// Which one.
    pub number: u64,
    /// BLAKE3 hash of the secret.
    pub commitment: [u8; 32],
}

impl Epoch {
    /// The text that the node signs.
    #[must_use]
    pub fn text(&self, nonce: &[u8; 32]) -> String {
        let fields: [&str; 5] = [
            &cluster_text(&self.cluster),
            &self.node.to_string(),
            &self.number.to_string(),
            &hex::encode(self.commitment),
            &hex::encode(nonce),
        ];
        canonical::text("epoch", &fields)
    }

    /// The node's reply.
    #[must_use]
    pub fn sign(&self, nonce: &[u8; 32], key: &SigningKey) -> EpochReply {
        EpochReply { nonce: PublicBytes::new(nonce), signature: key.sign(&self.text(nonce)) }
    }
}

/// Whether the node drew this nonce for this epoch and this commitment.
#[must_use]
pub fn verify_epoch_nonce(epoch: &Epoch, nonce: &EpochNonce) -> bool {
    epoch.node.verifies(&epoch.text(&nonce.nonce), &Signature(nonce.signature))
}

/// What a secret is committed to by.
#[must_use]
pub fn commitment(secret: &[u8; 32]) -> [u8; 32] {
    *blake3::hash(secret).as_bytes()
}

/// 32 bytes as 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicBytes(String);

impl PublicBytes {
    /// The digits of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The bytes.
    ///
    /// # Errors
    /// [`FailureCode::Malformed`] for another number of digits, and for others.
    pub fn bytes(&self) -> Result<[u8; 32], Failure> {
        let mut bytes = [0; 32];
        let decoded = hex::decode_to_slice(&self.0, &mut bytes);
        // One value, one text.
        if decoded.is_ok() && hex::encode(bytes) == self.0 {
            return Ok(bytes);
        }
        Err(Failure::new(FailureCode::Malformed, "64 lower-case hexadecimal digits are expected"))
    }
}

/// The body of `POST /v1/epochs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRequest {
    /// The epoch.
    pub epoch: u64,
    /// BLAKE3 hash of the secret.
    pub commitment: PublicBytes,
}

/// The reply to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochReply {
    /// What the node drew.
    pub nonce: PublicBytes,
    /// Of [`Epoch::text`].
    pub signature: Signature,
}

/// The body of `POST /v1/epochs/N/secret`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRequest {
    /// The secret.
    pub secret: PublicBytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_exactly_its_epoch() {
        let key = SigningKey::from_seed(&[1; 32]);
        let epoch =
            Epoch { cluster: ClusterId([1; 16]), node: key.public(), number: 3, commitment: commitment(&[4; 32]) };
        let reply = epoch.sign(&[5; 32], &key);
        let nonce = EpochNonce { nonce: reply.nonce.bytes().unwrap(), signature: reply.signature.0 };
        assert!(verify_epoch_nonce(&epoch, &nonce));
        for other in [
            Epoch { cluster: ClusterId([9; 16]), ..epoch },
            Epoch { node: SigningKey::from_seed(&[2; 32]).public(), ..epoch },
            Epoch { number: 4, ..epoch },
            Epoch { commitment: [9; 32], ..epoch },
        ] {
            assert!(!verify_epoch_nonce(&other, &nonce), "{other:?}");
        }
        assert!(!verify_epoch_nonce(&epoch, &EpochNonce { nonce: [6; 32], ..nonce }));
        for wrong in ["05".repeat(31), "0A".repeat(32), "05".repeat(33)] {
            assert!(PublicBytes(wrong.clone()).bytes().is_err(), "{wrong}");
        }
    }
}
