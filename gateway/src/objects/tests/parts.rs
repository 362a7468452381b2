//! Uploads in parts, and copies.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{
    ChecksumAlgorithm, ChecksumKind, ObjectAttributes, Part, PartNumber, Upload, Version, WriteCondition,
};
use crate::objects::encryption::encryption_key::Opener;
use crate::objects::error::ObjectsError;
use crate::objects::requests::{ChosenPart, CompleteUpload, Copy, CopyPart, CreateUpload, Put, PutPart};
use crate::objects::tests::fixture::{Fixture, content, object_key};
use crate::objects::write::body::{BodyPromise, BytesBody};

impl Fixture {
    pub(super) async fn begin(&self, key: &str) -> Arc<Upload> {
        Arc::new(self.begin_with(key, crate::domain::VersionLock::NONE).await)
    }

    pub(super) async fn begin_with(&self, key: &str, lock: crate::domain::VersionLock) -> Upload {
        let create = CreateUpload {
            bucket: Arc::clone(&self.bucket),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            lock,
            cipher: None,
            checksum: Some((ChecksumAlgorithm::Crc64nvme, ChecksumKind::FullObject)),
        };
        self.objects.create_upload(create).await.expect("begun")
    }

    pub(super) async fn part(&self, upload: &Arc<Upload>, number: i64, body: &Bytes) -> Part {
        let put = PutPart {
            upload: Arc::clone(upload),
            bucket: Arc::clone(&self.bucket),
            number: PartNumber::new(number).expect("valid"),
            promise: BodyPromise::default(),
            customer: None,
        };
        self.objects.put_part(put, Box::new(BytesBody::new(body.clone()))).await.expect("a part").part
    }

    pub(super) fn copy_of(&self, source: Arc<Version>, key: &str) -> Copy {
        Copy {
            origin: None,
            source,
            source_bucket: Arc::clone(&self.bucket),
            bucket: Arc::clone(&self.bucket),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            lock: crate::domain::VersionLock::NONE,
            condition: WriteCondition::None,
            algorithm: None,
            opener: Opener { account: self.bucket.owner, customer: None, peer: None },
            key_choice: None,
        }
    }

    pub(super) fn completion(&self, upload: &Upload, parts: &[&Part]) -> CompleteUpload {
        let chosen = |part: &&Part| ChosenPart { number: part.number, etag: Some(part.etag), checksums: Vec::new() };
        CompleteUpload {
            origin: None,
            bucket: Arc::clone(&self.bucket),
            key: upload.key.clone(),
            upload: upload.id,
            parts: parts.iter().map(chosen).collect(),
            condition: WriteCondition::None,
            object_size: None,
            checksum: None,
            checksum_kind: None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_made_of_its_parts_once_and_told_twice() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let upload = fixture.begin("whole").await;
    let (first, second, last) = (content(5 << 20), content((6 << 20) + 1), content(77));
    let a = fixture.part(&upload, 1, &first).await;
    fixture.part(&upload, 4, &content(900)).await;
    let b = fixture.part(&upload, 4, &second).await;
    let c = fixture.part(&upload, 9, &last).await;
    fixture.part(&upload, 12, &content(1_000)).await;
    assert!(matches!(fixture.get("whole").await, Err(ObjectsError::NoSuchKey)), "not before it is complete");

    let complete = fixture.completion(&upload, &[&a, &b, &c]);
    let stored = fixture.objects.complete_upload(complete.clone()).await.expect("completed");
    let again = fixture.objects.complete_upload(complete).await.expect("told again");
    assert_eq!((stored.etag, stored.name), (again.etag, again.name));
    let whole = [&first[..], &second, &last].concat();
    assert!(fixture.get("whole").await.expect("read") == whole);
    fixture.collect().await;
    assert!(fixture.get("whole").await.expect("read after collection") == whole);
    assert!(fixture.check().await.clean());
    fixture.delete("whole").await.expect("deleted");
    fixture.collect().await;
    assert_eq!(fixture.slivers().await, 0, "unused and replaced parts are gone too");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_share_bytes_and_outlive_their_source() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = content(3 << 20);
    fixture.put("source", &body).await.expect("stored");
    let before = fixture.slivers().await;
    let source = fixture.objects.current(&fixture.bucket, &object_key("source")).await.expect("read").expect("there");
    let copy = Copy { algorithm: Some(ChecksumAlgorithm::Sha256), ..fixture.copy_of(Arc::clone(&source), "copy") };
    let stored = fixture.objects.copy(copy).await.expect("copied");
    assert_eq!(stored.etag, source.etag);
    assert_eq!(fixture.slivers().await, before, "no bytes were written");

    let upload = fixture.begin("parts").await;
    let part = CopyPart {
        source,
        source_bucket: Arc::clone(&fixture.bucket),
        range: 1_000_000..2_500_000,
        upload: Arc::clone(&upload),
        bucket: Arc::clone(&fixture.bucket),
        number: PartNumber::new(1).expect("valid"),
        opener: Opener { account: fixture.bucket.owner, customer: None, peer: None },
        customer: None,
    };
    let part = fixture.objects.copy_part(part).await.expect("copied");
    fixture.delete("source").await.expect("deleted");
    fixture.collect().await;
    fixture.objects.complete_upload(fixture.completion(&upload, &[&part])).await.expect("completed");
    assert!(fixture.get("copy").await.expect("read") == body);
    assert!(fixture.get("parts").await.expect("read") == body[1_000_000..2_500_000]);
    assert!(fixture.check().await.clean());
}

/// Amazon's bound, and what somebody may wait for to be read.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_to_be_read_is_not_copied() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.put("source", &content(10)).await.expect("stored");
    let source = fixture.objects.current(&fixture.bucket, &object_key("source")).await.expect("read").expect("there");
    let large = Version { size: (5 << 30) + 1, ..(*source).clone() };
    let refused = fixture.objects.copy(fixture.copy_of(Arc::new(large), "copy")).await;
    assert!(matches!(refused, Err(ObjectsError::InvalidRequest(why)) if why.ends_with("5368709120")), "{refused:?}");
    fixture.objects.copy(fixture.copy_of(source, "copy")).await.expect("copied");
}

/// A client appends with a checksum of another algorithm than the object's: the object's goes on all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_append_keeps_the_objects_own_checksum() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let (first, second) = (content(900), content(1_100));
    let append = async |key: &str, offset: u64, body: &Bytes, algorithm: Option<ChecksumAlgorithm>| {
        let put = Put {
            origin: None,
            bucket: Arc::clone(&fixture.bucket),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            lock: crate::domain::VersionLock::NONE,
            condition: WriteCondition::None,
            promise: BodyPromise { algorithm, ..BodyPromise::default() },
            cipher: None,
        };
        fixture.objects.append(put, offset, Box::new(BytesBody::new(body.clone()))).await.expect("appended");
        let version = fixture.objects.current(&fixture.bucket, &object_key(key)).await.expect("read");
        version.expect("there").checksum.clone().expect("a checksum")
    };
    append("log", 0, &first, None).await;
    let whole = append("log", 900, &second, Some(ChecksumAlgorithm::Sha256)).await;
    let at_once = append("other", 0, &Bytes::from([&first[..], &second].concat()), None).await;
    assert_eq!((whole.algorithm, &whole), (ChecksumAlgorithm::Crc64nvme, &at_once));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let upload = fixture.begin("never").await;
    let part = fixture.part(&upload, 1, &content(6 << 20)).await;
    fixture.objects.abort_upload(&fixture.bucket, &upload.key, &upload.id).await.expect("given up");
    let late = fixture.objects.complete_upload(fixture.completion(&upload, &[&part])).await;
    assert!(matches!(late, Err(ObjectsError::NoSuchUpload)));
    fixture.collect().await;
    assert_eq!(fixture.slivers().await, 0);
    assert!(fixture.check().await.clean());
}
