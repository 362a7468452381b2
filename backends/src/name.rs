//! What a sliver is called on a storage target.

use std::fmt;
use std::str::FromStr;

use codec::BlobId;

/// The name of one sliver on its backend: which blob, which of its `n` slivers, which attempt to store it.
///
/// A name is written at most once and never reused: a repair or a retry takes the next `attempt`. It holds random
/// ids only, never a word a user chose, so it is safe as a path anywhere.
///
/// As text: 32 hex digits of the blob, a dot, two of the index, a dot, eight of the attempt; always lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SliverName {
    /// The blob the sliver is a part of.
    pub blob: BlobId,
    /// Which sliver of the blob, from 0.
    pub index: u8,
    /// Which attempt to store this sliver, from 0.
    pub attempt: u32,
}

/// The number of folders slivers are spread over on one backend.
pub const FAN_OUT: usize = 256;

/// Digits and dots of a name.
const TEXT_LEN: usize = 32 + 1 + 2 + 1 + 8;

impl SliverName {
    /// The folder of this sliver: the last, random, byte of the blob id, so that folders fill evenly.
    #[must_use]
    pub fn folder(&self) -> u8 {
        self.blob.0[15]
    }

    /// The path below the root of a backend: folder and name, `"<2 hex>/<name>"`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{:02x}/{}", self.folder(), self.text())
    }

    /// The name as text on the stack, for paths in system calls.
    #[must_use]
    pub fn text(&self) -> SliverText {
        let mut text = [b'.'; TEXT_LEN];
        let fits = "there are two digits for each byte";
        hex::encode_to_slice(self.blob.0, &mut text[..32]).expect(fits);
        hex::encode_to_slice([self.index], &mut text[33..35]).expect(fits);
        hex::encode_to_slice(self.attempt.to_be_bytes(), &mut text[36..]).expect(fits);
        SliverText(text)
    }
}

/// A sliver's name as text that needs no allocation.
#[derive(Clone, Copy)]
pub struct SliverText([u8; TEXT_LEN]);

impl SliverText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits and dots are UTF-8")
    }
}

impl fmt::Display for SliverText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for SliverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

/// A text that is not a sliver's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a sliver: {0:?}")]
pub struct SliverNameError(String);

impl FromStr for SliverName {
    type Err = SliverNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let bytes: &[u8; TEXT_LEN] = text.as_bytes().try_into().ok()?;
            let lower = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'.');
            if bytes[32] != b'.' || bytes[35] != b'.' || !bytes.iter().all(lower) {
                return None;
            }
            let mut blob = [0; 16];
            let mut index = [0; 1];
            let mut attempt = [0; 4];
            hex::decode_to_slice(&bytes[..32], &mut blob).ok()?;
            hex::decode_to_slice(&bytes[33..35], &mut index).ok()?;
            hex::decode_to_slice(&bytes[36..], &mut attempt).ok()?;
            Some(Self { blob: BlobId(blob), index: index[0], attempt: u32::from_be_bytes(attempt) })
        };
        parse().ok_or_else(|| SliverNameError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_reads_back_from_its_text(blob: [u8; 16], index: u8, attempt: u32) {
            let name = SliverName { blob: BlobId(blob), index, attempt };
            prop_assert_eq!(name.to_string().parse(), Ok(name));
            let (folder, file) = name.path().split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            prop_assert_eq!(folder, format!("{:02x}", blob[15]));
            prop_assert_eq!(file, name.to_string());
        }

        #[test]
        fn any_other_text_is_refused(text in "[0-9a-fA-F.]{0,60}|\\PC{0,60}") {
            if let Ok(name) = text.parse::<SliverName>() {
                prop_assert_eq!(name.to_string(), text, "one name has one text");
            }
        }
    }

    #[test]
    fn the_text_is_pinned() {
        let blob = BlobId([0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xfe]);
        let name = SliverName { blob, index: 10, attempt: 0x1_02ff };
        assert_eq!(name.path(), "fe/000000070102030405060708090a0bfe.0a.000102ff");
    }
}
