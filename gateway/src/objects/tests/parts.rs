//! Uploads in parts, and copies.

use std::sync::Arc;

use bytes::Bytes;

use super::world::{World, content, object_key};
use crate::domain::{ChecksumAlgorithm, ChecksumKind, ObjectAttributes, Part, PartNumber, Upload, WriteCondition};
use crate::objects::{
    BodyPromise, BytesBody, ChosenPart, CompleteUpload, Copy, CopyPart, CreateUpload, ObjectsError, PutPart,
};

impl World {
    async fn begin(&self, key: &str) -> Arc<Upload> {
        let create = CreateUpload {
            bucket: Arc::clone(&self.bucket),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            lock: crate::domain::VersionLock::NONE,
            cipher: None,
            checksum: Some((ChecksumAlgorithm::Crc64nvme, ChecksumKind::FullObject)),
        };
        Arc::new(self.objects.create_upload(create).await.expect("begun"))
    }

    async fn part(&self, upload: &Arc<Upload>, number: i64, body: &Bytes) -> Part {
        let put = PutPart {
            upload: Arc::clone(upload),
            bucket: Arc::clone(&self.bucket),
            number: PartNumber::new(number).expect("valid"),
            promise: BodyPromise::default(),
            customer: None,
        };
        self.objects.put_part(put, Box::new(BytesBody::new(body.clone()))).await.expect("a part")
    }

    fn completion(&self, upload: &Upload, parts: &[&Part]) -> CompleteUpload {
        let chosen = |part: &&Part| ChosenPart { number: part.number, etag: Some(part.etag), checksum: None };
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
    let world = World::new("rs-4-2", 6).await;
    let upload = world.begin("whole").await;
    let (first, second, last) = (content(5 << 20), content((6 << 20) + 1), content(77));
    let a = world.part(&upload, 1, &first).await;
    world.part(&upload, 4, &content(900)).await;
    let b = world.part(&upload, 4, &second).await;
    let c = world.part(&upload, 9, &last).await;
    world.part(&upload, 12, &content(1_000)).await;
    assert!(matches!(world.get("whole").await, Err(ObjectsError::NoSuchKey)), "not before it is complete");

    let complete = world.completion(&upload, &[&a, &b, &c]);
    let stored = world.objects.complete_upload(complete.clone()).await.expect("completed");
    let again = world.objects.complete_upload(complete).await.expect("told again");
    assert_eq!((stored.etag, stored.name), (again.etag, again.name));
    let whole = [&first[..], &second, &last].concat();
    assert!(world.get("whole").await.expect("read") == whole);
    world.collect().await;
    assert!(world.get("whole").await.expect("read after collection") == whole);
    assert!(world.check().await.clean());
    world.delete("whole").await.expect("deleted");
    world.collect().await;
    assert_eq!(world.slivers().await, 0, "unused and replaced parts are gone too");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_share_bytes_and_outlive_their_source() {
    let world = World::new("rs-4-2", 6).await;
    let body = content(3 << 20);
    world.put("source", &body).await.expect("stored");
    let before = world.slivers().await;
    let source = world.objects.current(&world.bucket, &object_key("source")).await.expect("read").expect("there");
    let copy = Copy {
        origin: None,
        source: Arc::clone(&source),
        bucket: Arc::clone(&world.bucket),
        key: object_key("copy"),
        attributes: ObjectAttributes::default(),
        lock: crate::domain::VersionLock::NONE,
        condition: WriteCondition::None,
        algorithm: Some(ChecksumAlgorithm::Sha256),
        source_key: None,
        key_choice: None,
    };
    let stored = world.objects.copy(copy).await.expect("copied");
    assert_eq!(stored.etag, source.etag);
    assert_eq!(world.slivers().await, before, "no bytes were written");

    let upload = world.begin("parts").await;
    let part = CopyPart {
        source,
        range: 1_000_000..2_500_000,
        upload: Arc::clone(&upload),
        bucket: Arc::clone(&world.bucket),
        number: PartNumber::new(1).expect("valid"),
        source_key: None,
        customer: None,
    };
    let part = world.objects.copy_part(part).await.expect("copied");
    world.delete("source").await.expect("deleted");
    world.collect().await;
    world.objects.complete_upload(world.completion(&upload, &[&part])).await.expect("completed");
    assert!(world.get("copy").await.expect("read") == body);
    assert!(world.get("parts").await.expect("read") == body[1_000_000..2_500_000]);
    assert!(world.check().await.clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let world = World::new("rs-4-2", 6).await;
    let upload = world.begin("never").await;
    let part = world.part(&upload, 1, &content(6 << 20)).await;
    world.objects.abort_upload(&world.bucket, &upload.key, &upload.id).await.expect("given up");
    let late = world.objects.complete_upload(world.completion(&upload, &[&part])).await;
    assert!(matches!(late, Err(ObjectsError::NoSuchUpload)));
    world.collect().await;
    assert_eq!(world.slivers().await, 0);
    assert!(world.check().await.clean());
}
