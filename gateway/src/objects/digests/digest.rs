//! Digests of a body while it passes: the ETag's MD5, the signed SHA-256 and the additional checksum.

use aws_lc_rs::digest::{Context, SHA256};
use crc_fast::CrcAlgorithm;
use sha1::{Digest as _, Sha1};

use crate::domain::{Checksum, ChecksumAlgorithm, ChecksumKind};
use crate::objects::digests::content_md5::ContentMd5;
use crate::objects::error::ObjectsError;
use crate::objects::write::body::BodyPromise;
use crate::objects::write::body_error::BodyError;

/// One additional checksum under way.
pub(crate) struct ChecksumDigest {
    algorithm: ChecksumAlgorithm,
    state: State,
}

enum State {
    Crc(Box<crc_fast::Digest>),
    Sha1(Box<Sha1>),
    Sha256(Box<Context>),
}

impl ChecksumDigest {
    /// Begins.
    pub(crate) fn new(algorithm: ChecksumAlgorithm) -> Self {
        let state = match algorithm {
            ChecksumAlgorithm::Crc32 => State::Crc(Box::new(crc_fast::Digest::new(CrcAlgorithm::Crc32IsoHdlc))),
            ChecksumAlgorithm::Crc32c => State::Crc(Box::new(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi))),
            ChecksumAlgorithm::Crc64nvme => State::Crc(Box::new(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme))),
            ChecksumAlgorithm::Sha1 => State::Sha1(Box::default()),
            ChecksumAlgorithm::Sha256 => State::Sha256(Box::new(Context::new(&SHA256))),
        };
        Self { algorithm, state }
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(digest) => digest.update(bytes),
            State::Sha1(digest) => digest.update(bytes),
            State::Sha256(digest) => digest.update(bytes),
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
            State::Sha256(digest) => digest.finish().as_ref().to_vec(),
        }
    }
}

/// Every digest one body needs.
pub struct Digests {
    md5: ContentMd5,
    sha256: Option<Context>,
    checksum: Option<ChecksumDigest>,
    length: u64,
}

/// What the digests came to, after all promises were found true.
#[derive(Clone, Debug)]
pub struct Digested {
    /// MD5 of the content: the ETag.
    pub md5: [u8; 16],
    /// Bytes of content.
    pub length: u64,
    /// The additional checksum, if one was sent or asked for.
    pub checksum: Option<Checksum>,
}

impl std::fmt::Debug for Digests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digests").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Digests {
    /// Begins the digests that a promise calls for.
    #[must_use]
    pub fn new(promise: &BodyPromise) -> Self {
        let algorithm = promise.checksum.as_ref().map(|sum| sum.algorithm).or(promise.algorithm);
        Self {
            md5: ContentMd5::new(),
            sha256: promise.sha256.map(|_| Context::new(&SHA256)),
            checksum: algorithm.map(ChecksumDigest::new),
            length: 0,
        }
    }

    /// Takes the next bytes of content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.md5.update(bytes);
        if let Some(digest) = &mut self.sha256 {
            digest.update(bytes);
        }
        if let Some(digest) = &mut self.checksum {
            digest.update(bytes);
        }
    }

    /// Ends the digests and compares them with everything that was promised in the head and in the trailer.
    ///
    /// # Errors
    /// `BadDigest`, `XAmzContentSHA256Mismatch`, `IncompleteBody` or a malformed trailer: nothing may become visible.
    pub fn finish(
        self,
        promise: &BodyPromise,
        trailer: Option<(ChecksumAlgorithm, Vec<u8>)>,
    ) -> Result<Digested, ObjectsError> {
        if promise.length.is_some_and(|length| length != self.length) {
            return Err(BodyError::Incomplete.into());
        }
        let md5 = self.md5.finish();
        if let Some(promised) = promise.md5.filter(|promised| *promised != md5) {
            return Err(ObjectsError::BadContentMd5 { promised, calculated: md5 });
        }
        if let (Some(promised), Some(digest)) = (promise.sha256, self.sha256)
            && digest.finish().as_ref() != promised
        {
            return Err(ObjectsError::ContentSha256Mismatch);
        }
        let checksum = self.checksum.map(|digest| Checksum {
            algorithm: digest.algorithm,
            kind: ChecksumKind::FullObject,
            value: digest.finish(),
        });
        compare_checksum(checksum.as_ref(), promise, trailer)?;
        Ok(Digested { md5, length: self.length, checksum })
    }
}

/// Compares the computed checksum with the header's and the trailer's.
fn compare_checksum(
    computed: Option<&Checksum>,
    promise: &BodyPromise,
    trailer: Option<(ChecksumAlgorithm, Vec<u8>)>,
) -> Result<(), ObjectsError> {
    let agrees = |algorithm, value: &[u8]| computed.is_some_and(|sum| sum.algorithm == algorithm && sum.value == value);
    if let Some(promised) = &promise.checksum
        && !agrees(promised.algorithm, &promised.value)
    {
        return Err(ObjectsError::BadDigest(promised.algorithm.name()));
    }
    match trailer {
        Some((algorithm, value)) if !agrees(algorithm, &value) => Err(ObjectsError::BadDigest(algorithm.name())),
        None if promise.trailer_required && promise.checksum.is_none() => {
            Err(BodyError::BadTrailer("the announced checksum did not come").into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of each algorithm: its digest of "123456789", from the CRC catalogue and FIPS 180-4.
    #[test]
    fn each_algorithm_gives_its_check_value() {
        for (algorithm, value) in [
            (ChecksumAlgorithm::Crc32, "cbf43926"),
            (ChecksumAlgorithm::Crc32c, "e3069283"),
            (ChecksumAlgorithm::Crc64nvme, "ae8b14860a799888"),
            (ChecksumAlgorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (ChecksumAlgorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ] {
            let mut digest = ChecksumDigest::new(algorithm);
            digest.update(b"1234");
            digest.update(b"56789");
            assert_eq!(hex::encode(digest.finish()), value, "{algorithm}");
        }
    }

    #[test]
    fn a_broken_promise_is_named() {
        let finish = |promise: BodyPromise, trailer| {
            let mut digests = Digests::new(&promise);
            digests.update(b"content");
            digests.finish(&promise, trailer).map(|digested| digested.length)
        };
        assert_eq!(finish(BodyPromise::default(), None).expect("nothing promised"), 7);
        let short = BodyPromise { length: Some(8), ..Default::default() };
        assert!(matches!(finish(short, None), Err(ObjectsError::Body(_))));
        let md5 = BodyPromise { md5: Some([1; 16]), ..Default::default() };
        assert!(matches!(finish(md5, None), Err(ObjectsError::BadContentMd5 { .. })));
        let sha256 = BodyPromise { sha256: Some([1; 32]), ..Default::default() };
        assert!(matches!(finish(sha256, None), Err(ObjectsError::ContentSha256Mismatch)));
        let announced =
            BodyPromise { algorithm: Some(ChecksumAlgorithm::Crc32), trailer_required: true, ..Default::default() };
        assert!(matches!(finish(announced.clone(), None), Err(ObjectsError::Body(_))));
        let wrong = Some((ChecksumAlgorithm::Crc32, vec![0; 4]));
        assert!(matches!(finish(announced, wrong), Err(ObjectsError::BadDigest("CRC32"))));
    }
}
