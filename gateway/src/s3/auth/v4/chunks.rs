//! Signatures of the chunks of a streaming body: each covers the one before it, the first the request's own.

use std::fmt;

use aws_lc_rs::digest;
use aws_sigv4::sign::v4;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::s3::auth::service::Service;
use crate::s3::auth::time;
use crate::s3::auth::v4::canonical;

/// The SHA-256 of nothing, which every chunk's string to sign repeats.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Verifies chunk after chunk.
#[derive(Clone)]
pub struct ChunkSigner {
    signing_key: Zeroizing<Vec<u8>>,
    date: String,
    scope: String,
    previous: [u8; 32],
}

impl fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkSigner").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl ChunkSigner {
    /// Begins after the request's own signature, the seed.
    pub(crate) fn new(secret: &str, seconds: i64, region: &str, seed: [u8; 32]) -> Self {
        let key = v4::generate_signing_key(secret, time::system(seconds), region, "s3");
        Self {
            signing_key: Zeroizing::new(key.as_ref().to_vec()),
            date: time::basic(seconds),
            scope: canonical::scope(seconds, region, Service::S3),
            previous: seed,
        }
    }

    /// Whether the next chunk, whose bytes have this SHA-256, carries its right signature.
    pub fn verify_chunk(&mut self, sha256: &[u8; 32], signature: &[u8; 32]) -> bool {
        let expected = self.chunk(sha256);
        self.advance(&expected, signature)
    }

    /// Whether the trailer, in canonical form (`name:value\n` for each line), carries its right signature.
    pub fn verify_trailer(&mut self, canonical: &[u8], signature: &[u8; 32]) -> bool {
        let expected = self.trailer(canonical);
        self.advance(&expected, signature)
    }

    /// The signature of the next chunk.
    fn chunk(&self, sha256: &[u8; 32]) -> String {
        let (date, scope, previous) = (&self.date, &self.scope, hex::encode(self.previous));
        let sha256 = hex::encode(sha256);
        self.sign(&format!("AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{scope}\n{previous}\n{NOTHING}\n{sha256}"))
    }

    /// The signature of the trailer.
    fn trailer(&self, canonical: &[u8]) -> String {
        let (date, scope, previous) = (&self.date, &self.scope, hex::encode(self.previous));
        let sha256 = hex::encode(digest::digest(&digest::SHA256, canonical));
        self.sign(&format!("AWS4-HMAC-SHA256-TRAILER\n{date}\n{scope}\n{previous}\n{sha256}"))
    }

    fn sign(&self, string_to_sign: &str) -> String {
        v4::calculate_signature(self.signing_key.as_slice(), string_to_sign.as_bytes())
    }

    fn advance(&mut self, expected: &str, given: &[u8; 32]) -> bool {
        let mut bytes = [0; 32];
        let right = hex::decode_to_slice(expected, &mut bytes).is_ok() && bool::from(bytes.ct_eq(given));
        if right {
            self.previous = bytes;
        }
        right
    }
}

/// The client's side, for tests.
#[cfg(test)]
impl ChunkSigner {
    /// Signs the next chunk.
    pub(crate) fn sign_chunk(&mut self, bytes: &[u8]) -> String {
        let sha256 = digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("32 bytes");
        let signature = self.chunk(&sha256);
        hex::decode_to_slice(&signature, &mut self.previous).expect("hexadecimal");
        signature
    }

    /// Signs the trailer.
    pub(crate) fn sign_trailer(&mut self, canonical: &[u8]) -> String {
        self.trailer(canonical)
    }

    /// A signer with a fixed secret.
    pub(crate) fn example() -> Self {
        Self::new("secret", 1_369_353_600, "us-east-1", [7; 32])
    }
}
