//! Digests of a body while it passes: the ETag's MD5, the signed SHA-256 and the additional checksums.

use aws_lc_rs::digest::{Context, SHA256};

use crate::domain::{Checksum, ChecksumAlgorithm, ChecksumKind};
use crate::objects::digests::checksum_digest::ChecksumDigest;
use crate::objects::digests::content_md5::ContentMd5;
use crate::objects::error::ObjectsError;
use crate::objects::write::body::BodyPromise;
use crate::objects::write::body_error::BodyError;

/// Every digest one body needs.
pub struct Digests {
    md5: ContentMd5,
    sha256: Option<Context>,
    /// The one that the client sends or asks for, or the default; none for MD5, which is computed in any case.
    checksum: Option<ChecksumDigest>,
    /// The one that is kept, if that is another.
    kept: Option<ChecksumDigest>,
    length: u64,
}

/// What the digests came to, after all promises were found true.
#[derive(Clone, Debug)]
pub struct Digested {
    /// MD5 of the content: the ETag.
    pub md5: [u8; 16],
    /// Bytes of content.
    pub length: u64,
    /// The additional checksum that was sent or asked for, or the default: what the reply shows.
    pub checksum: Checksum,
    /// The additional checksum that is kept: the same, unless [`BodyPromise::kept`] says another.
    pub kept: Checksum,
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
        let algorithm = promise.sent_algorithm().unwrap_or(ChecksumAlgorithm::DEFAULT);
        Self {
            md5: ContentMd5::new(),
            sha256: promise.sha256.map(|_| Context::new(&SHA256)),
            checksum: (algorithm != ChecksumAlgorithm::Md5).then(|| ChecksumDigest::new(algorithm)),
            kept: promise.kept.filter(|kept| *kept != algorithm).map(ChecksumDigest::new),
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
        for digest in self.checksum.iter_mut().chain(&mut self.kept) {
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
        let of_md5 =
            || Checksum { algorithm: ChecksumAlgorithm::Md5, kind: ChecksumKind::FullObject, value: md5.to_vec() };
        let checksum = self.checksum.map_or_else(of_md5, ChecksumDigest::of_content);
        compare_checksum(&checksum, promise, trailer)?;
        let kept = self.kept.map_or_else(|| checksum.clone(), ChecksumDigest::of_content);
        Ok(Digested { md5, length: self.length, checksum, kept })
    }
}

/// Compares the computed checksum with the header's and the trailer's.
fn compare_checksum(
    computed: &Checksum,
    promise: &BodyPromise,
    trailer: Option<(ChecksumAlgorithm, Vec<u8>)>,
) -> Result<(), ObjectsError> {
    let agrees = |algorithm, value: &[u8]| computed.algorithm == algorithm && computed.value == value;
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

    #[test]
    fn what_is_kept_may_be_another_than_what_is_sent() {
        let digest = |promise: BodyPromise| {
            let mut digests = Digests::new(&promise);
            digests.update(b"123456789");
            let digested = digests.finish(&promise, None).expect("nothing promised");
            (digested.checksum.algorithm, digested.kept.algorithm, hex::encode(digested.kept.value))
        };
        let (crc32, crc64) = (ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc64nvme);
        let value = "ae8b14860a799888".to_owned();
        assert_eq!(digest(BodyPromise::default()), (crc64, crc64, value.clone()), "the default");
        let sent = BodyPromise { algorithm: Some(crc32), ..BodyPromise::default() };
        assert_eq!(digest(sent.clone()), (crc32, crc32, "cbf43926".to_owned()));
        assert_eq!(digest(BodyPromise { kept: Some(crc64), ..sent }), (crc32, crc64, value));
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
