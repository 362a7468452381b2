//! The cipher below an object's digests: for content whose key is the client's or a key service's.
//!
//! It is beside the encryption that every blob has, and does less: it keeps the length, any range can be deciphered by
//! itself, and it proves nothing. That bytes are genuine is shown by the tags of the chunks they lie in.

use std::fmt;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

const INFO: &[u8] = b"Haulout v1 content: AES-256-CTR";
const BLOCK_BYTES: usize = 16;

/// What makes the key stream of one run of content its own: random, never used twice with one key.
pub type ContentSalt = [u8; 16];

/// Enciphers and deciphers one run of content: AES-256-CTR from counter zero, under a key derived by HKDF-SHA-256 from the data
/// key and the run's salt.
pub struct ContentCipher(EncryptingKey);

impl ContentCipher {
    /// The cipher of the run with this salt under this data key.
    ///
    /// # Errors
    /// The cryptographic library refused: a defect of this build.
    pub fn new(data_key: &[u8; 32], salt: &ContentSalt) -> Result<Self, Unspecified> {
        let mut key = Zeroizing::new([0; 32]);
        let derived = Salt::new(HKDF_SHA256, salt).extract(data_key);
        derived.expand(&[INFO], KeyBytes)?.fill(key.as_mut_slice())?;
        let key = UnboundCipherKey::new(&AES_256, key.as_slice())?;
        Ok(Self(EncryptingKey::ctr(key)?))
    }

    /// Enciphers or deciphers, which is the same, the bytes that lie at `offset` of the run.
    ///
    /// # Errors
    /// The cryptographic library refused: a defect of this build.
    pub fn apply(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Unspecified> {
        let block = BLOCK_BYTES as u64;
        let skip = usize::try_from(offset % block).map_err(|_| Unspecified)?;
        let mut number = offset / block;
        let mut rest = bytes;
        if skip > 0 {
            // The run's block that the bytes begin in, behind as many bytes as come before them.
            let taken = rest.len().min(BLOCK_BYTES - skip);
            let (head, after) = rest.split_at_mut(taken);
            let mut first = [0; BLOCK_BYTES];
            first[skip..skip + taken].copy_from_slice(head);
            self.apply_blocks(number, &mut first)?;
            head.copy_from_slice(&first[skip..skip + taken]);
            number += 1;
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { self.apply_blocks(number, rest) }
    }

    fn apply_blocks(&self, number: u64, bytes: &mut [u8]) -> Result<(), Unspecified> {
        let counter = u128::from(number).to_be_bytes();
        let context = EncryptionContext::Iv128(FixedLength::from(&counter));
        self.0.less_safe_encrypt(bytes, context).map(drop)
    }
}

impl fmt::Debug for ContentCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentCipher(..)")
    }
}

/// Says how many bytes of key are wanted.
struct KeyBytes;

impl KeyType for KeyBytes {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(key: u8, salt: u8, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        ContentCipher::new(&[key; 32], &[salt; 16]).unwrap().apply(0, &mut bytes).unwrap();
        bytes
    }

    /// Made with OpenSSL from the same derivation; see FORMAT.md.
    #[test]
    fn the_stream_is_pinned() {
        assert_eq!(hex(&whole(1, 2, 20)), "ce6570402fc943c74d91316dd0c247e2605f0bbd");
    }

    #[test]
    fn another_key_or_salt_is_another_stream() {
        assert_ne!(whole(1, 2, 64), whole(2, 2, 64));
        assert_ne!(whole(1, 2, 64), whole(1, 3, 64));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    proptest! {
        #[test]
        fn any_range_deciphers_by_itself(content in proptest::collection::vec(any::<u8>(), 0..400), a in 0_usize..400, b in 0_usize..400, cuts in proptest::collection::vec(0_usize..400, 0..4)) {
            let cipher = ContentCipher::new(&[7; 32], &[9; 16]).unwrap();
            // Enciphered in pieces, at any boundaries.
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(content.len())).chain([0, content.len()]).collect();
            cuts.sort_unstable();
            let mut sealed = content.clone();
            for pair in cuts.windows(2) {
                cipher.apply(pair[0] as u64, &mut sealed[pair[0]..pair[1]]).unwrap();
            }
            prop_assert!(content.len() < 16 || sealed != content);
            let (from, to) = (a.min(b).min(content.len()), a.max(b).min(content.len()));
            let mut range = sealed[from..to].to_vec();
            cipher.apply(from as u64, &mut range).unwrap();
            prop_assert_eq!(&range, &content[from..to]);
        }
    }
}
