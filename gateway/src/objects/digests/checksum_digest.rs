//! The additional checksums of S3, each computed while the bytes pass.

use std::hash::Hasher as _;

use aws_lc_rs::digest::{Context, SHA256, SHA512};
use sha1::{Digest as _, Sha1};
use twox_hash::{XxHash3_64, XxHash3_128, XxHash64};

use crate::domain::{Checksum, ChecksumAlgorithm, ChecksumKind};
use crate::objects::digests::content_md5::ContentMd5;

/// One additional checksum under way.
pub(crate) struct ChecksumDigest {
    algorithm: ChecksumAlgorithm,
    state: State,
}

enum State {
    Crc(Box<crc_fast::Digest>),
    Sha1(Box<Sha1>),
    Sha2(Box<Context>),
    Md5(Box<ContentMd5>),
    Xxh64(Box<XxHash64>),
    Xxh3(Box<XxHash3_64>),
    Xxh128(Box<XxHash3_128>),
}

impl ChecksumDigest {
    /// Begins.
    pub(crate) fn new(algorithm: ChecksumAlgorithm) -> Self {
        Self { algorithm, state: State::new(algorithm) }
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(digest) => digest.update(bytes),
            State::Sha1(digest) => digest.update(bytes),
            State::Sha2(digest) => digest.update(bytes),
            State::Md5(digest) => digest.update(bytes),
            State::Xxh64(digest) => digest.write(bytes),
            State::Xxh3(digest) => digest.write(bytes),
            State::Xxh128(digest) => digest.write(bytes),
        }
    }

    /// The value, big-endian, as S3 encodes it.
    pub(crate) fn finish(self) -> Vec<u8> {
        match self.state {
            State::Crc(digest) => {
                let wide = digest.finalize().to_be_bytes();
                wide[wide.len() - self.algorithm.bytes()..].to_vec()
            }
            State::Sha1(digest) => digest.finalize().to_vec(),
            State::Sha2(digest) => digest.finish().as_ref().to_vec(),
            State::Md5(digest) => digest.finish().to_vec(),
            State::Xxh64(digest) => digest.finish().to_be_bytes().to_vec(),
            State::Xxh3(digest) => digest.finish().to_be_bytes().to_vec(),
            State::Xxh128(digest) => digest.finish_128().to_be_bytes().to_vec(),
        }
    }

    /// The value over all bytes of some content.
    pub(crate) fn of_content(self) -> Checksum {
        Checksum { algorithm: self.algorithm, kind: ChecksumKind::FullObject, value: self.finish() }
    }
}

impl State {
    fn new(algorithm: ChecksumAlgorithm) -> Self {
        let sha2 = |algorithm| Self::Sha2(Box::new(Context::new(algorithm)));
        match (algorithm, algorithm.crc()) {
            (_, Some(crc)) => Self::Crc(Box::new(crc_fast::Digest::new(crc))),
            (ChecksumAlgorithm::Sha1, _) => Self::Sha1(Box::default()),
            (ChecksumAlgorithm::Sha256, _) => sha2(&SHA256),
            (ChecksumAlgorithm::Sha512, _) => sha2(&SHA512),
            (ChecksumAlgorithm::Md5, _) => Self::Md5(Box::new(ContentMd5::new())),
            (ChecksumAlgorithm::Xxhash64, _) => Self::Xxh64(Box::new(XxHash64::with_seed(0))),
            (ChecksumAlgorithm::Xxhash3, _) => Self::Xxh3(Box::new(XxHash3_64::new())),
            // The CRCs are there for the compiler: each of them is one.
            (
                ChecksumAlgorithm::Xxhash128
                | ChecksumAlgorithm::Crc32
                | ChecksumAlgorithm::Crc32c
                | ChecksumAlgorithm::Crc64nvme,
                None,
            ) => Self::Xxh128(Box::new(XxHash3_128::new())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of each algorithm: its digest of "123456789", from the CRC catalogue, FIPS 180-4 and RFC 1321; of XXH64
    /// and XXH3 as the reference program (xxHash 0.8) prints it.
    #[test]
    fn each_algorithm_gives_its_check_value() {
        let table = [
            (ChecksumAlgorithm::Crc32, "cbf43926"),
            (ChecksumAlgorithm::Crc32c, "e3069283"),
            (ChecksumAlgorithm::Crc64nvme, "ae8b14860a799888"),
            (ChecksumAlgorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (ChecksumAlgorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
            (
                ChecksumAlgorithm::Sha512,
                "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a\
                 d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
            ),
            (ChecksumAlgorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (ChecksumAlgorithm::Xxhash64, "8cb841db40e6ae83"),
            (ChecksumAlgorithm::Xxhash3, "72dcb18b67a17dff"),
            (ChecksumAlgorithm::Xxhash128, "33119477ede5dcd5e9716427681d5860"),
        ];
        assert_eq!(table.map(|(algorithm, _)| algorithm), ChecksumAlgorithm::ALL);
        for (algorithm, value) in table {
            let mut digest = ChecksumDigest::new(algorithm);
            digest.update(b"1234");
            digest.update(b"56789");
            let found = digest.finish();
            assert_eq!((hex::encode(&found), found.len()), (value.to_owned(), algorithm.bytes()), "{algorithm}");
        }
    }
}
