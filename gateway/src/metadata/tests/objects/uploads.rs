//! Uploads in parts.

use crate::clock::{Entropy, SystemEntropy, random};
use crate::domain::{
    BucketId, Checksum, ChecksumAlgorithm, ChecksumKind, ETag, ObjectAttributes, Part, PartNumber, Timestamp, Upload,
    UploadId, VersionPart, WriteCondition,
};
use crate::metadata::commit::{Batch, Change, Outcome, PartChange, Refusal, StoredVersion};
use crate::metadata::objects::complete::{CompleteChange, CompleteOutcome, CompletedUpload, PartRevision};
use crate::metadata::objects::uploads::{AbortUpload, CreateUpload, UploadEntry, UploadListQuery};
use crate::metadata::tests::fixture::{Fixture, both, key, whole};

fn number(number: u16) -> PartNumber {
    PartNumber::new(number.into()).unwrap()
}

pub(in crate::metadata::tests) async fn begin(f: &Fixture, name: &str) -> Upload {
    let upload = Upload {
        id: UploadId(random(&SystemEntropy as &dyn Entropy)),
        bucket: f.bucket,
        key: key(name),
        attributes: ObjectAttributes { content_type: Some("text/plain".to_owned()), ..ObjectAttributes::default() },
        lock: crate::domain::VersionLock::NONE,
        checksum: Some((ChecksumAlgorithm::Crc32, ChecksumKind::Composite)),
        created_at: Timestamp(5),
    };
    assert_eq!(f.store.create_upload(&upload, f.owner).await.unwrap(), CreateUpload::Created);
    upload
}

pub(in crate::metadata::tests) async fn send(f: &Fixture, upload: &Upload, of: u16, size: u64) -> (Outcome, Part) {
    let blob = f.blob(size, false);
    let part = Part {
        number: number(of),
        size,
        etag: ETag::of_content(random(&SystemEntropy as &dyn Entropy)),
        checksum: Some(Checksum {
            algorithm: ChecksumAlgorithm::Crc32,
            kind: ChecksumKind::FullObject,
            value: vec![1; 4],
        }),
        modified_at: Timestamp(6),
        extents: whole(&blob),
        salt: None,
    };
    let change = Change::Part(PartChange { upload: upload.id, part: part.clone(), source: None });
    let outcomes = f.commit(Batch { blobs: vec![blob], changes: vec![change] }).await.unwrap();
    (outcomes[0], part)
}

pub(in crate::metadata::tests) fn completion(f: &Fixture, upload: &Upload, parts: &[Part]) -> CompleteChange {
    let extents = parts.iter().flat_map(|part| part.extents.clone()).collect();
    let mut version = f.version(upload.key.as_str(), extents);
    version.etag.parts = Some(u16::try_from(parts.len()).unwrap());
    let listed =
        parts.iter().map(|part| VersionPart { number: part.number, size: part.size, checksum: part.checksum.clone() });
    CompleteChange {
        bucket: upload.bucket,
        upload: upload.id,
        chosen: parts.iter().map(PartRevision::from).collect(),
        version,
        parts: listed.collect(),
        condition: WriteCondition::None,
        events: Vec::new(),
    }
}

both! {
    async fn parts_become_a_version(f: &Fixture) {
        f.put("film", 3).await;
        let upload = begin(f, "film").await;
        assert_eq!(f.store.upload(f.bucket, &upload.key, &upload.id).await.unwrap().as_ref(), Some(&upload));
        assert_eq!(f.store.upload(f.bucket, &key("other"), &upload.id).await.unwrap(), None);
        let mut parts = Vec::new();
        for (of, size) in [(1, 100), (2, 200), (7, 50)] {
            let (outcome, part) = send(f, &upload, of, size).await;
            assert_eq!(outcome, Outcome::STORED);
            parts.push(part);
        }
        assert_eq!(f.store.parts(&upload.id, 0, 10).await.unwrap(), parts);
        assert_eq!(f.store.parts(&upload.id, 1, 1).await.unwrap(), parts[1..2]);

        let change = completion(f, &upload, &[parts[0].clone(), parts[2].clone()]);
        assert_eq!(f.store.complete_upload(f.incarnation, change.clone()).await.unwrap(), CompleteOutcome::Completed(StoredVersion::default()));
        assert_eq!(f.current("film").await.unwrap(), change.version);
        let mut numbered = change.parts.clone();
        numbered[1].number = number(2);
        assert_eq!(f.store.version_parts(&change.version.id).await.unwrap(), numbered, "1 and 7 are the first and the second");
        assert_eq!(f.store.upload(f.bucket, &upload.key, &upload.id).await.unwrap(), None);
        assert_eq!(f.store.parts(&upload.id, 0, 10).await.unwrap(), []);
        assert_eq!(f.dead().await.len(), 2, "the part that was not chosen, and what the key held before");

        let expected = CompletedUpload {
            name: crate::domain::VersionName::Null,
            version: change.version.id,
            etag: change.version.etag,
            checksum: None,
            size: 150,
            modified_at: change.version.modified_at,
        };
        assert_eq!(f.store.completed_upload(f.bucket, &upload.key, &upload.id).await.unwrap(), Some(expected.clone()));
        let again = f.store.complete_upload(f.incarnation, change).await.unwrap();
        assert_eq!(again, CompleteOutcome::AlreadyCompleted(expected));
        assert_eq!(f.store.abort_upload(f.bucket, &upload.key, &upload.id).await.unwrap(), AbortUpload::NoSuchUpload);
        assert!(f.current("film").await.is_some(), "aborting what was completed touches nothing");

        f.delete("film").await;
        assert_eq!(f.one_int("SELECT COUNT(*) FROM version_part").await, 0);
    }

    async fn a_part_sent_again_replaces_the_one_before(f: &Fixture) {
        let upload = begin(f, "film").await;
        let (_, old) = send(f, &upload, 1, 100).await;
        let (_, new) = send(f, &upload, 1, 120).await;
        assert_eq!(f.dead().await, [old.extents[0].blob]);
        let stale = completion(f, &upload, &[old]);
        assert_eq!(f.store.complete_upload(f.incarnation, stale).await.unwrap(), CompleteOutcome::PartsChanged);
        let refused = CompleteChange { condition: WriteCondition::Present, ..completion(f, &upload, std::slice::from_ref(&new)) };
        let outcome = f.store.complete_upload(f.incarnation, refused).await.unwrap();
        assert_eq!(outcome, CompleteOutcome::Refused(Refusal::NoSuchKey));
        let change = completion(f, &upload, &[new]);
        assert_eq!(f.store.complete_upload(f.incarnation, change).await.unwrap(), CompleteOutcome::Completed(StoredVersion::default()));
    }

    async fn an_aborted_upload_leaves_its_bytes_to_the_collector(f: &Fixture) {
        let upload = begin(f, "film").await;
        send(f, &upload, 1, 100).await;
        send(f, &upload, 2, 100).await;
        assert_eq!(f.store.abort_upload(f.bucket, &key("other"), &upload.id).await.unwrap(), AbortUpload::NoSuchUpload);
        assert_eq!(f.store.abort_upload(f.bucket, &upload.key, &upload.id).await.unwrap(), AbortUpload::Aborted);
        assert_eq!(f.dead().await.len(), 2);
        assert_eq!(send(f, &upload, 3, 10).await.0, Outcome::Refused(Refusal::NoSuchUpload));
        let change = completion(f, &upload, &[]);
        assert_eq!(f.store.complete_upload(f.incarnation, change).await.unwrap(), CompleteOutcome::NoSuchUpload);
    }

    async fn many_completions_of_one_upload_make_one_version(f: &Fixture) {
        let upload = begin(f, "film").await;
        let (_, part) = send(f, &upload, 1, 100).await;
        let attempts = (0..6).map(|_| f.store.complete_upload(f.incarnation, completion(f, &upload, std::slice::from_ref(&part))));
        let outcomes = futures::future::join_all(attempts).await;
        let completed = outcomes.iter().filter(|o| matches!(o, Ok(CompleteOutcome::Completed(_)))).count();
        let repeated = outcomes.iter().filter(|o| matches!(o, Ok(CompleteOutcome::AlreadyCompleted(_)))).count();
        assert_eq!((completed, repeated), (1, 5));
    }

    async fn an_upload_needs_its_bucket(f: &Fixture) {
        let mut upload = begin(f, "film").await;
        upload.id = UploadId([1; 16]);
        upload.bucket = BucketId(99);
        assert_eq!(f.store.create_upload(&upload, f.owner).await.unwrap(), CreateUpload::NoSuchBucket);
    }

    async fn uploads_are_listed_by_key_and_id(f: &Fixture) {
        let mut uploads = Vec::new();
        for name in ["a", "a", "a", "b/1", "b/2", "b/2", "c", "é"] {
            uploads.push(begin(f, name).await);
        }
        uploads.sort_by_key(|upload| (upload.key.clone(), upload.id));
        for limit in [1, 2, 3, 100] {
            let mut query = UploadListQuery { limit, ..UploadListQuery::default() };
            let mut listed = Vec::new();
            loop {
                let page = f.store.list_uploads(f.bucket, &query).await.unwrap();
                for entry in page.entries {
                    let UploadEntry::Upload(upload) = entry else { panic!("no delimiter") };
                    query.key_marker = upload.key.as_bytes().to_vec();
                    query.upload_marker = Some(upload.id);
                    listed.push(upload);
                }
                if !page.truncated {
                    break;
                }
            }
            assert_eq!(listed, uploads, "{limit} at a time");
        }
        let rolled = UploadListQuery { delimiter: b"/".to_vec(), key_marker: b"a".to_vec(), limit: 10, ..UploadListQuery::default() };
        let page = f.store.list_uploads(f.bucket, &rolled).await.unwrap();
        let expected = [
            UploadEntry::Prefix(b"b/".to_vec()),
            UploadEntry::Upload(uploads[6].clone()),
            UploadEntry::Upload(uploads[7].clone()),
        ];
        assert_eq!((page.entries.as_slice(), page.truncated), (&expected[..], false));
        let inside = UploadListQuery { key_marker: b"b/2".to_vec(), upload_marker: Some(UploadId([0; 16])), ..rolled };
        let page = f.store.list_uploads(f.bucket, &inside).await.unwrap();
        assert_eq!(page.entries, expected[1..], "a marker inside a common prefix skips all of it");
    }
}
