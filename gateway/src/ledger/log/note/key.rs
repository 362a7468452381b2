//! Keys that sign notes: Ed25519 (C2SP signed-note, type 0x01) and Ed25519 with a time, of witnesses (C2SP tlog-cosignature,
//! type 0x04).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key_name::{KeyName, KeyNameError};
use super::signature::NoteSignature;
use crate::ledger::log::tree::Hash;

/// Ed25519 signatures.
const SIGNATURE_BYTES: usize = 64;

/// What a key signs with. The number is its type in C2SP signed-note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureKind {
    /// The text of a note: what logs sign with.
    Ed25519 = 0x01,
    /// The text of a checkpoint with the time: what witnesses sign with.
    CosignatureV1 = 0x04,
}

/// Who signs: a name and a public key. The text form is the *vkey* of C2SP signed-note, `NAME+ID+KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    /// Its name.
    pub name: KeyName,
    /// What it signs with.
    pub kind: SignatureKind,
    /// The public key.
    pub public: [u8; 32],
}

/// Why a text is refused as a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VkeyError {
    /// The name cannot stand in a note.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// The text is no key.
    #[error("a key is written as NAME+ID+KEY: 8 lower-case hexadecimal digits and base64")]
    Form,
    /// The key has another type.
    #[error("a key of type {0:#04x} is not supported: 0x01 (Ed25519) and 0x04 (cosignature/v1) are")]
    Kind(u8),
    /// The id is that of another key.
    #[error("the id of this key is {0}")]
    Id(String),
}

impl NoteKey {
    /// The first four bytes of SHA-256(name, newline, type, public key).
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let hash = Hash::of(&[self.name.as_str().as_bytes(), b"\n", &[self.kind as u8], &self.public]);
        *hash.0.first_chunk().expect("a hash has 32 bytes")
    }

    /// Whether the line claims to be by this key.
    #[must_use]
    pub fn is_named_by(&self, signature: &NoteSignature) -> bool {
        signature.name == self.name && signature.id == self.id()
    }

    /// The time of a signature that this key made over the text of a note, in seconds since 1970; 0 where signatures have no time.
    /// Nothing if the key did not make it.
    #[must_use]
    pub fn time_of(&self, text: &str, signature: &NoteSignature) -> Option<u64> {
        let is_good =
            |message: &[u8], bytes: &[u8]| UnparsedPublicKey::new(&ED25519, self.public).verify(message, bytes).is_ok();
        match self.kind {
            SignatureKind::Ed25519 => is_good(text.as_bytes(), &signature.bytes).then_some(0),
            SignatureKind::CosignatureV1 => {
                let (time, bytes) = signature.bytes.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                let is_time = i64::try_from(time).is_ok();
                (is_time && is_good(cosigned(time, text).as_bytes(), bytes)).then_some(time)
            }
        }
    }
}

/// The message of a cosignature.
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[self.kind as u8], self.public.as_slice()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id()))
    }
}

impl FromStr for NoteKey {
    type Err = VkeyError;

    fn from_str(text: &str) -> Result<Self, VkeyError> {
        // The key itself may contain a `+`, the name and the id may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VkeyError::Form);
        };
        // Keys of other types, which are named in the answer, have up to 1,313 bytes.
        let bytes = Some(key).filter(|key| key.len() <= 4096).and_then(|key| STANDARD.decode(key).ok());
        let bytes = bytes.ok_or(VkeyError::Form)?;
        let (kind, public) = bytes.split_first().ok_or(VkeyError::Form)?;
        let kind = match kind {
            0x01 => SignatureKind::Ed25519,
            0x04 => SignatureKind::CosignatureV1,
            other => return Err(VkeyError::Kind(*other)),
        };
        let public = public.try_into().map_err(|_| VkeyError::Form)?;
        let key = Self { name: name.parse()?, kind, public };
        let own = hex::encode(key.id());
        if id == own { Ok(key) } else { Err(VkeyError::Id(own)) }
    }
}

/// A key that signs notes.
pub struct NoteSigner {
    key: NoteKey,
    pair: Ed25519KeyPair,
}

impl NoteSigner {
    /// The key with this name, kind and seed. A seed serves one kind and one name.
    #[must_use]
    pub fn from_seed(name: KeyName, kind: SignatureKind, seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("every 32 bytes are the seed of an Ed25519 key");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Self { key: NoteKey { name, kind, public }, pair }
    }

    /// The public half.
    #[must_use]
    pub fn key(&self) -> &NoteKey {
        &self.key
    }

    /// Signs the text of a note. The time, in seconds since 1970, is part of a cosignature and of nothing else.
    #[must_use]
    pub fn sign(&self, text: &str, time: u64) -> NoteSignature {
        let time = time.min(i64::MAX.unsigned_abs());
        let mut bytes = Vec::with_capacity(8 + SIGNATURE_BYTES);
        match self.key.kind {
            SignatureKind::Ed25519 => bytes.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref()),
            SignatureKind::CosignatureV1 => {
                bytes.extend_from_slice(&time.to_be_bytes());
                bytes.extend_from_slice(self.pair.sign(cosigned(time, text).as_bytes()).as_ref());
            }
        }
        NoteSignature { name: self.key.name.clone(), id: self.key.id(), bytes }
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({}, ..)", self.key)
    }
}
