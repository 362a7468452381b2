//! What follows the last chunk of a streaming body: at most one checksum, and its signature.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::domain::ChecksumAlgorithm;
use crate::objects::BodyError;

/// A trailer, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trailer {
    /// The checksum it carries.
    pub(super) checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
    /// The text its signature covers: `name:value\n`.
    pub(super) canonical: Vec<u8>,
    /// The signature it claims.
    pub(super) signature: Option<[u8; 32]>,
}

impl Trailer {
    /// Reads the bytes after the last chunk. `announced` is what `x-amz-trailer` named.
    ///
    /// Clients disagree about line ends (`\n`, `\r\n`, `\n\r\n`) and about the empty line at the end; nothing else
    /// may stand between the lines.
    pub(super) fn parse(bytes: &[u8], announced: Option<ChecksumAlgorithm>) -> Result<Self, BodyError> {
        let bad = BodyError::BadTrailer;
        let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not text"))?;
        let blank = |c| c == ' ' || c == '\t';
        let mut trailer = Self::default();
        for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
            if line.is_empty() {
                continue;
            }
            if trailer.signature.is_some() {
                return Err(bad("lines follow the signature"));
            }
            let (name, value) = line.split_once(':').ok_or(bad("a line has no colon"))?;
            let (name, value) = (name.trim_matches(blank).to_ascii_lowercase(), value.trim_matches(blank));
            if name == "x-amz-trailer-signature" {
                let mut signature = [0; 32];
                hex::decode_to_slice(value, &mut signature).map_err(|_| BodyError::BadChunkSignature)?;
                trailer.signature = Some(signature);
                continue;
            }
            let algorithm = ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.header() == name);
            let algorithm = algorithm.ok_or(bad("it has a line that is no checksum"))?;
            if announced != Some(algorithm) {
                return Err(bad("it has a checksum that x-amz-trailer did not announce"));
            }
            if trailer.checksum.is_some() {
                return Err(bad("it has two checksums"));
            }
            let raw = BASE64_STANDARD.decode(value).ok().filter(|raw| raw.len() == algorithm.bytes());
            trailer.checksum = Some((algorithm, raw.ok_or(bad("the value of its checksum is invalid"))?));
            trailer.canonical.extend_from_slice(format!("{name}:{value}\n").as_bytes());
        }
        Ok(trailer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CRC32: Option<ChecksumAlgorithm> = Some(ChecksumAlgorithm::Crc32);

    #[test]
    fn every_clients_line_ends_are_understood() {
        let signature = "ab".repeat(32);
        let expected = Trailer {
            checksum: Some((ChecksumAlgorithm::Crc32, vec![0x0d, 0x4a, 0x11, 0x85])),
            canonical: b"x-amz-checksum-crc32:DUoRhQ==\n".to_vec(),
            signature: None,
        };
        for text in [
            "x-amz-checksum-crc32:DUoRhQ==\r\n\r\n",
            "x-amz-checksum-crc32:DUoRhQ==\n\r\n\r\n",
            "X-Amz-Checksum-CRC32: DUoRhQ== \r\n",
            "x-amz-checksum-crc32:DUoRhQ==",
        ] {
            assert_eq!(Trailer::parse(text.as_bytes(), CRC32).expect("parses"), expected, "{text:?}");
        }
        let signed = format!("x-amz-checksum-crc32:DUoRhQ==\n\r\nx-amz-trailer-signature:{signature}\r\n\r\n");
        let parsed = Trailer::parse(signed.as_bytes(), CRC32).expect("parses");
        assert_eq!(parsed, Trailer { signature: Some([0xab; 32]), ..expected });
        assert_eq!(Trailer::parse(b"\r\n", None).expect("parses"), Trailer::default());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "garbage",
            "x-amz-meta-a:b\r\n",
            "x-amz-checksum-crc32c:DUoRhQ==\r\n",
            "x-amz-checksum-sha512:DUoRhQ==\r\n",
            "x-amz-checksum-crc32:DUoRhQ==\r\nx-amz-checksum-crc32:DUoRhQ==\r\n",
            "x-amz-checksum-crc32:DUoR\r\n",
            "x-amz-checksum-crc32:****\r\n",
            "x-amz-trailer-signature:00\r\n",
        ] {
            assert!(Trailer::parse(text.as_bytes(), CRC32).is_err(), "{text:?}");
        }
        let after = format!("x-amz-trailer-signature:{}\r\nx-amz-checksum-crc32:DUoRhQ==\r\n", "ab".repeat(32));
        assert!(Trailer::parse(after.as_bytes(), CRC32).is_err());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes: Vec<u8>) {
            let _ = Trailer::parse(&bytes, CRC32);
        }
    }
}
