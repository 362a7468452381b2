//! Content of zero bytes, in every way in which it may be vouched for.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::{Checksum, ChecksumAlgorithm, ChecksumKind, ObjectAttributes, PartNumber, WriteCondition};
use crate::objects::error::ObjectsError;
use crate::objects::requests::{CreateUpload, Put, PutPart};
use crate::objects::tests::fixture::{Fixture, object_key};
use crate::objects::write::body::{BodyPromise, IncomingBody};
use crate::objects::write::body_error::BodyError;

/// A body of nothing but a trailer.
#[derive(Clone)]
struct Trailer(Option<(ChecksumAlgorithm, Vec<u8>)>);

#[async_trait]
impl IncomingBody for Trailer {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        Ok(None)
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        self.0.take()
    }
}

/// The digests of nothing, from the CRC catalogue, FIPS 180-4, RFC 1321 and the reference program of xxHash.
const OF_NOTHING: [(ChecksumAlgorithm, &str); 10] = [
    (ChecksumAlgorithm::Crc32, "00000000"),
    (ChecksumAlgorithm::Crc32c, "00000000"),
    (ChecksumAlgorithm::Crc64nvme, "0000000000000000"),
    (ChecksumAlgorithm::Sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    (ChecksumAlgorithm::Sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (
        ChecksumAlgorithm::Sha512,
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
         47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    ),
    (ChecksumAlgorithm::Md5, MD5_OF_NOTHING),
    (ChecksumAlgorithm::Xxhash64, "ef46db3751d8e999"),
    (ChecksumAlgorithm::Xxhash3, "2d06800538d394c2"),
    (ChecksumAlgorithm::Xxhash128, "99aa06d3014798d86001c324468d497f"),
];
const MD5_OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn digest<const N: usize>(digits: &str) -> [u8; N] {
    hex::decode(digits).expect("hex").try_into().expect("so many bytes")
}

/// What became of nothing: its tag and checksum.
#[derive(Debug)]
struct Written {
    etag: [u8; 16],
    checksum: Option<Checksum>,
}

impl Fixture {
    fn nothing(&self, key: &str, promise: &BodyPromise) -> Put {
        Put {
            origin: None,
            bucket: Arc::clone(&self.bucket),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            lock: crate::domain::VersionLock::NONE,
            condition: WriteCondition::None,
            promise: promise.clone(),
            cipher: None,
        }
    }

    /// Writes nothing as an object, as a part and by an append where there is none.
    async fn write_nothing(&self, promise: &BodyPromise, trailer: &Trailer) -> [Result<Written, ObjectsError>; 3] {
        let body = || Box::new(trailer.clone());
        let put = self.objects.put(self.nothing("put", promise), body()).await;
        let create = CreateUpload {
            bucket: Arc::clone(&self.bucket),
            key: object_key("parts"),
            attributes: ObjectAttributes::default(),
            lock: crate::domain::VersionLock::NONE,
            cipher: None,
            checksum: None,
        };
        let part = PutPart {
            upload: Arc::new(self.objects.create_upload(create).await.expect("begun")),
            bucket: Arc::clone(&self.bucket),
            number: PartNumber::new(1).expect("valid"),
            promise: promise.clone(),
            customer: None,
        };
        let part = self.objects.put_part(part, body()).await;
        let append = self.objects.append(self.nothing("log", promise), 0, body()).await;
        // Its reply has no checksum; its row has.
        let row = self.objects.current(&self.bucket, &object_key("log")).await.expect("read");
        let append = append.map(|stored| Written {
            etag: stored.etag.md5,
            checksum: row.and_then(|version| version.checksum.clone()),
        });
        for key in ["put", "log"] {
            self.delete(key).await.expect("deleted");
        }
        [
            put.map(|stored| Written { etag: stored.etag.md5, checksum: stored.checksum }),
            part.map(|written| Written { etag: written.part.etag.md5, checksum: Some(written.checksum) }),
            append,
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_however_it_is_vouched_for() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let vague = BodyPromise::default;
    let mut ways = vec![
        ("nothing is known", vague(), None),
        ("its length", BodyPromise { length: Some(0), ..vague() }, None),
        ("its MD5", BodyPromise { md5: Some(digest(MD5_OF_NOTHING)), ..vague() }, None),
        ("its SHA-256", BodyPromise { sha256: Some(digest(OF_NOTHING[4].1)), ..vague() }, None),
    ];
    for (algorithm, value) in OF_NOTHING {
        let value = hex::decode(value).expect("hex");
        let sum = Checksum { algorithm, kind: ChecksumKind::FullObject, value: value.clone() };
        let head = BodyPromise { length: Some(0), checksum: Some(sum), ..vague() };
        let asked = BodyPromise { length: Some(0), algorithm: Some(algorithm), ..vague() };
        let announced = BodyPromise { trailer_required: true, ..asked.clone() };
        ways.push(("a checksum in the head", head, None));
        ways.push(("a checksum to compute", asked, None));
        ways.push(("a checksum in the trailer", announced, Some((algorithm, value))));
    }
    for (way, promise, trailer) in ways {
        let sent = promise.sent_algorithm().unwrap_or(ChecksumAlgorithm::DEFAULT);
        let expected = OF_NOTHING[OF_NOTHING.iter().position(|of| of.0 == sent).expect("in the table")].1;
        for written in fixture.write_nothing(&promise, &Trailer(trailer)).await {
            let written = written.unwrap_or_else(|error| panic!("{way}, {sent:?}: {error}"));
            assert_eq!(hex::encode(written.etag), MD5_OF_NOTHING, "{way}");
            let checksum = written.checksum.map(|sum| (sum.algorithm, hex::encode(sum.value)));
            assert_eq!(checksum, Some((sent, expected.to_owned())), "{way}");
        }
    }
    assert_eq!(fixture.slivers().await, 0);
    assert!(fixture.check().await.clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_refused_when_what_vouches_for_it_is_wrong_or_missing() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    for (algorithm, value) in OF_NOTHING {
        let announced = BodyPromise { algorithm: Some(algorithm), trailer_required: true, ..BodyPromise::default() };
        let mut wrong = hex::decode(value).expect("hex");
        wrong[0] ^= 1;
        for written in fixture.write_nothing(&announced, &Trailer(Some((algorithm, wrong)))).await {
            assert!(matches!(written, Err(ObjectsError::BadDigest(name)) if name == algorithm.name()), "{written:?}");
        }
        for written in fixture.write_nothing(&announced, &Trailer(None)).await {
            assert!(matches!(written, Err(ObjectsError::Body(BodyError::BadTrailer(_)))), "{written:?}");
        }
    }
    let longer = BodyPromise { length: Some(1), ..BodyPromise::default() };
    for written in fixture.write_nothing(&longer, &Trailer(None)).await {
        assert!(matches!(written, Err(ObjectsError::Body(BodyError::Incomplete))), "{written:?}");
    }
}
