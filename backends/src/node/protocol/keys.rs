//! Ed25519 keys and signatures (RFC 8032) and their texts.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use codec::ClusterId;
use serde::{Deserialize, Serialize};

/// A text that is no key, signature or name of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected} expected")]
pub struct KeyTextError {
    expected: &'static str,
}

/// Fixed bytes that are written as lower-case hexadecimal digits.
macro_rules! hex_bytes {
    ($name:ident, $len:literal, $expected:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = KeyTextError;

            fn from_str(text: &str) -> Result<Self, KeyTextError> {
                let mut bytes = [0; $len];
                let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                match hex::decode_to_slice(text, &mut bytes) {
                    Ok(()) if lower => Ok(Self(bytes)),
                    _ => Err(KeyTextError { expected: $expected }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = KeyTextError;

            fn try_from(text: String) -> Result<Self, KeyTextError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// The public half of the key of a node or of a gateway. As text: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey(pub [u8; 32]);

/// A signature. As text: 128 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Signature(pub [u8; 64]);

hex_bytes!(PublicKey, 32, "a public key of 64 lower-case hexadecimal digits");
hex_bytes!(Signature, 64, "a signature of 128 lower-case hexadecimal digits");

impl PublicKey {
    /// Whether the key made this signature for this text.
    #[must_use]
    pub fn verifies(&self, text: &str, signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(text.as_bytes(), &signature.0).is_ok()
    }
}

/// A key that signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The key with this seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("every 32 bytes are the seed of an Ed25519 key");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Self { pair, public: PublicKey(public) }
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs a text.
    #[must_use]
    pub fn sign(&self, text: &str) -> Signature {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        Signature(signature)
    }

    /// The key pair, for a certificate.
    pub(in crate::node) fn pair(&self) -> &Ed25519KeyPair {
        &self.pair
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ..)", self.public)
    }
}

/// Whose requests a node is to admit: a cluster and the key of its gateways. As text: `<cluster>:<key>`, both in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayName {
    /// The cluster.
    pub cluster: ClusterId,
    /// The key of its gateways.
    pub key: PublicKey,
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", hex::encode(self.cluster.0), self.key)
    }
}

impl FromStr for GatewayName {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let refused =
            KeyTextError { expected: "the key of a gateway, as `haulout keys gateway` prints it (CLUSTER:KEY)," };
        let (cluster, key) = text.split_once(':').ok_or_else(|| refused.clone())?;
        let mut bytes = [0; 16];
        hex::decode_to_slice(cluster, &mut bytes).map_err(|_| refused.clone())?;
        let name = Self { cluster: ClusterId(bytes), key: key.parse().map_err(|_| refused.clone())? };
        if name.to_string() == text { Ok(name) } else { Err(refused) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_good_for_its_key_and_text_only() {
        let (key, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let signature = key.sign("text");
        assert!(key.public().verifies("text", &signature));
        assert!(!key.public().verifies("texts", &signature));
        assert!(!other.public().verifies("text", &signature));
        assert!(!format!("{key:?}").contains(&hex::encode([1; 32])), "the seed is not shown");
    }

    #[test]
    fn keys_are_those_of_rfc_8032() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let seed: [u8; 32] = hex::decode(seed).unwrap().try_into().unwrap();
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(SigningKey::from_seed(&seed).public().to_string(), public);
    }

    #[test]
    fn one_key_has_one_text() {
        let key = SigningKey::from_seed(&[1; 32]).public();
        assert_eq!(key.to_string().parse(), Ok(key));
        for text in [key.to_string().to_uppercase(), format!(" {key}"), key.to_string()[1..].to_owned()] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
        let name = GatewayName { cluster: ClusterId([0xab; 16]), key };
        assert_eq!(name.to_string().parse(), Ok(name));
        for text in [key.to_string(), name.to_string().to_uppercase(), format!("{name}:"), String::new()] {
            assert!(text.parse::<GatewayName>().is_err(), "{text}");
        }
    }
}
