//! Content enciphered below its digests: what comes back, what does not, and what backends see.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::TryStreamExt as _;

use crate::domain::{
    Bucket, ContentKey, ETag, ObjectAttributes, Part, PartNumber, Upload, UserId, Version, WriteCondition,
};
use crate::objects::encryption::data_key::DataKey;
use crate::objects::encryption::encryption_key::{KeyChoice, Opener};
use crate::objects::encryption::key_provider::KeyProviderError;
use crate::objects::error::ObjectsError;
use crate::objects::requests::{ChosenPart, CompleteUpload, Copy, CopyPart, CreateUpload, Put, PutPart};
use crate::objects::tests::fixture::{Fixture, content, object_key};
use crate::objects::write::body::{BodyPromise, BytesBody};

fn customer(key: u8) -> KeyChoice {
    KeyChoice::Customer(DataKey::new([key; 32]))
}

fn kms(key: Option<&str>) -> KeyChoice {
    KeyChoice::Kms { key: key.map(str::to_owned), context: None, bucket_key: false }
}

impl Fixture {
    /// The bucket's own account, with a client's key or without.
    fn opener(&self, customer: Option<u8>) -> Opener {
        Opener { account: self.bucket.owner, customer: customer.map(|key| DataKey::new([key; 32])), peer: None }
    }

    async fn put_locked(&self, key: &str, body: &Bytes, choice: KeyChoice) {
        let put = Put {
            origin: None,
            bucket: Arc::clone(&self.bucket),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            condition: WriteCondition::None,
            promise: BodyPromise::default(),
            lock: crate::domain::VersionLock::NONE,
            cipher: Some(
                self.objects.new_encryption_key(choice, &self.bucket, &object_key(key)).await.expect("a lock"),
            ),
        };
        let stored = self.objects.put(put, Box::new(BytesBody::new(body.clone()))).await.expect("stored");
        assert_eq!(stored.etag, ETag::of_content(md5_of(body)), "the tag is that of what was sent");
    }

    async fn version(&self, key: &str) -> Arc<Version> {
        self.objects.current(&self.bucket, &object_key(key)).await.expect("read").expect("there")
    }

    async fn get_with(&self, key: &str, customer: Option<u8>, range: (u64, u64)) -> Result<Vec<u8>, ObjectsError> {
        let version = self.version(key).await;
        let reader = self.objects.read_with(version, range.0..range.1, &self.opener(customer)).await?;
        let frames: Vec<Bytes> = reader.try_collect().await?;
        Ok(frames.concat())
    }

    async fn begin_locked(&self, key: &str, choice: KeyChoice) -> Arc<Upload> {
        let create = CreateUpload {
            bucket: Arc::clone(&self.bucket),
            key: object_key(key),
            attributes: ObjectAttributes::default(),
            lock: crate::domain::VersionLock::NONE,
            cipher: Some(
                self.objects.new_encryption_key(choice, &self.bucket, &object_key(key)).await.expect("a lock"),
            ),
            checksum: None,
        };
        Arc::new(self.objects.create_upload(create).await.expect("begun"))
    }

    async fn part_with(
        &self,
        upload: &Arc<Upload>,
        number: i64,
        body: &Bytes,
        customer: Option<u8>,
    ) -> Result<Part, ObjectsError> {
        let put = PutPart {
            upload: Arc::clone(upload),
            bucket: Arc::clone(&self.bucket),
            number: PartNumber::new(number).expect("valid"),
            promise: BodyPromise::default(),
            customer: customer.map(|key| DataKey::new([key; 32])),
        };
        Ok(self.objects.put_part(put, Box::new(BytesBody::new(body.clone()))).await?.part)
    }

    async fn complete_parts(&self, upload: &Upload, parts: &[Part]) {
        let chosen =
            parts.iter().map(|part| ChosenPart { number: part.number, etag: Some(part.etag), checksums: Vec::new() });
        let complete = CompleteUpload {
            origin: None,
            bucket: Arc::clone(&self.bucket),
            key: upload.key.clone(),
            upload: upload.id,
            parts: chosen.collect(),
            condition: WriteCondition::None,
            object_size: None,
            checksum: None,
            checksum_kind: None,
        };
        self.objects.complete_upload(complete).await.expect("completed");
    }

    async fn copy_with(&self, from: &str, to: &str, source: Option<u8>, choice: Option<KeyChoice>) {
        let copy = Copy {
            origin: None,
            source: self.version(from).await,
            source_bucket: Arc::clone(&self.bucket),
            bucket: Arc::clone(&self.bucket),
            key: object_key(to),
            attributes: ObjectAttributes::default(),
            condition: WriteCondition::None,
            algorithm: None,
            lock: crate::domain::VersionLock::NONE,
            opener: self.opener(source),
            key_choice: choice,
        };
        self.objects.copy(copy).await.expect("copied");
    }
}

fn md5_of(body: &[u8]) -> [u8; 16] {
    use md5::Digest as _;
    md5::Md5::digest(body).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_key_opens_every_range_and_no_other_key_does() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    for bytes in [0_usize, 1, 1_000, 70_000, (1 << 20) + 1, 11 << 20] {
        let (key, body) = (format!("{bytes}"), content(bytes));
        fixture.put_locked(&key, &body, customer(7)).await;
        let size = body.len() as u64;
        for (from, to) in
            [(0, size), (size / 3, size), (size / 2, size / 2 + size / 7), (size.saturating_sub(17), size)]
        {
            let expected = &body[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
            assert!(
                fixture.get_with(&key, Some(7), (from, to)).await.expect("read") == expected,
                "{bytes}: {from}..{to}"
            );
        }
        assert!(matches!(fixture.get_with(&key, Some(8), (0, size)).await, Err(ObjectsError::WrongKey)));
        assert!(matches!(fixture.get_with(&key, None, (0, size)).await, Err(ObjectsError::KeyNeeded)));
    }
    fixture.put("plain", &content(10)).await.expect("stored");
    assert!(matches!(fixture.get_with("plain", Some(7), (0, 10)).await, Err(ObjectsError::KeyNotApplicable)));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_key_nor_content_is_kept_in_the_clear_below_the_blobs_encryption() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = Bytes::from("a canary that sings in plain words ".repeat(40_000));
    fixture.put_locked("canary", &body, customer(0xc5)).await;
    fixture.put_locked("small canary", &body.slice(..5_000), kms(Some("two"))).await;
    // What a blob decrypts to is still enciphered.
    for key in ["canary", "small canary"] {
        let stripped = Version { attributes: ObjectAttributes::default(), ..(*fixture.version(key).await).clone() };
        let size = stripped.size;
        let reader = fixture.objects.read(Arc::new(stripped), 0..size).await.expect("read");
        let frames: Vec<Bytes> = reader.try_collect().await.expect("read");
        let raw = frames.concat();
        assert_eq!(raw.len() as u64, size);
        assert!(!raw.windows(12).any(|window| window == b"plain words "), "{key}");
    }
    let key = [0xc5; 32];
    assert!(fixture.slivers().await >= 6, "there is something to look through");
    for entry in fixture.files() {
        let bytes = std::fs::read(&entry).expect("a file");
        assert!(!bytes.windows(32).any(|window| window == key), "{}", entry.display());
        assert!(!bytes.windows(12).any(|window| window == b"plain words "), "{}", entry.display());
        let text = hex::encode(key);
        assert!(!bytes.windows(64).any(|window| window == text.as_bytes()), "{}", entry.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_runs_of_their_own() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let bodies = [content(6 << 20), content(5 << 20), content(1_000)];
    let whole = Bytes::from(bodies.concat());
    let size = whole.len() as u64;
    for (name, choice, key) in [("mine", customer(7), Some(7)), ("theirs", kms(None), None)] {
        let upload = fixture.begin_locked(name, choice).await;
        if key.is_some() {
            for wrong in [Some(9), None] {
                let refused = fixture.part_with(&upload, 1, &bodies[0], wrong).await;
                assert!(matches!(refused, Err(ObjectsError::InvalidRequest(_))));
            }
        }
        let mut parts = Vec::new();
        for (number, body) in (1..).zip(&bodies) {
            parts.push(fixture.part_with(&upload, number, body, key).await.expect("a part"));
        }
        // The same bytes again are another run.
        let again = fixture.part_with(&upload, 2, &bodies[1], key).await.expect("a part");
        assert_ne!(again.salt, parts[1].salt);
        fixture.complete_parts(&upload, &parts).await;
        assert!(fixture.get_with(name, key, (0, size)).await.expect("read") == whole);
        let middle = (6 << 20) - 5..(11 << 20) + 7;
        let range = fixture.get_with(name, key, (middle.start as u64, middle.end as u64)).await.expect("read");
        assert!(range == whole[middle]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_enciphered_as_they_are_asked_to_be() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = content(3 << 20);
    let size = body.len() as u64;
    fixture.put("plain", &body).await.expect("stored");
    fixture.put_locked("mine", &body, customer(7)).await;
    fixture.put_locked("theirs", &body, kms(Some("one"))).await;
    for (from, source) in [("plain", None), ("mine", Some(7)), ("theirs", None)] {
        for (to, choice, key) in [
            ("to plain", None, None),
            ("to same", Some(customer(7)), Some(7)),
            ("to other", Some(customer(8)), Some(8)),
            ("to one", Some(kms(Some("one"))), None),
            ("to two", Some(kms(Some("two"))), None),
        ] {
            fixture.copy_with(from, to, source, choice).await;
            assert!(fixture.get_with(to, key, (0, size)).await.expect("read") == body, "{from} {to}");
        }
    }
    let upload = fixture.begin_locked("parts", customer(5)).await;
    let copy = CopyPart {
        source: fixture.version("mine").await,
        source_bucket: Arc::clone(&fixture.bucket),
        range: 10..2_000_000,
        upload: Arc::clone(&upload),
        bucket: Arc::clone(&fixture.bucket),
        number: PartNumber::new(1).expect("valid"),
        opener: fixture.opener(Some(7)),
        customer: Some(DataKey::new([5; 32])),
    };
    let part = fixture.objects.copy_part(copy).await.expect("copied");
    fixture.complete_parts(&upload, &[part]).await;
    assert!(fixture.get_with("parts", Some(5), (0, 1_999_990)).await.expect("read") == body[10..2_000_000]);
    for key in ["plain", "mine", "theirs"] {
        fixture.delete(key).await.expect("deleted");
    }
    fixture.collect().await;
    assert!(fixture.get_with("to same", Some(7), (0, size)).await.expect("read") == body, "its bytes are its own");
}

/// The object that a key is bound to, as the key service sees it.
async fn bound_to(fixture: &Fixture, key: &str) -> String {
    let version = fixture.version(key).await;
    let Some(ContentKey::Kms(kms)) = version.attributes.encryption.as_ref().map(|encryption| &encryption.key) else {
        panic!("{key} is not under a key of the service")
    };
    let context = BASE64_STANDARD.decode(kms.context.as_deref().expect("a context")).expect("Base64");
    let context: serde_json::Value = serde_json::from_slice(&context).expect("JSON");
    assert_eq!(kms.client_context(), None, "the client sent none");
    context["aws:s3:arn"].as_str().expect("a name").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_service_are_bound_to_bucket_and_key() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = content(3 << 20);
    let size = body.len() as u64;
    let arn = |key: &str| format!("arn:aws:s3:::{}/{key}", fixture.bucket.name);
    fixture.put_locked("a", &body, kms(Some("one"))).await;
    assert_eq!(bound_to(&fixture, "a").await, arn("a"));
    // The copy shares its bytes, and so the data key, under a wrapping of its own.
    fixture.copy_with("a", "b", None, Some(kms(Some("one")))).await;
    assert_eq!(bound_to(&fixture, "b").await, arn("b"));
    let a = fixture.version("a").await;
    let renamed = fixture.objects.rename(&fixture.bucket, &a, object_key("c"), WriteCondition::None, None).await;
    assert!(renamed.expect("renamed"));
    assert_eq!(bound_to(&fixture, "c").await, arn("c"));
    for key in ["b", "c"] {
        assert!(fixture.get_with(key, None, (0, size)).await.expect("read") == body, "{key}");
    }
}

/// A key that is for other accounts' buckets gives nothing to this one's, takes nothing from them, and comes along with no copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_for_the_buckets_of_its_accounts() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let theirs = Bucket { owner: UserId(99), ..(*fixture.bucket).clone() };
    let is_refused =
        |error: ObjectsError| matches!(error, ObjectsError::KeyProvider(KeyProviderError::NotPermitted(_)));
    let choice = || kms(Some("of others"));
    let ours = fixture.objects.new_encryption_key(choice(), &fixture.bucket, &object_key("a")).await;
    assert!(is_refused(ours.expect_err("ours")));
    let key = fixture.objects.new_encryption_key(choice(), &theirs, &object_key("a")).await.expect("theirs");
    let encryption = key.encryption();
    let opener = |account| Opener { account, customer: None, peer: None };
    let opened = fixture.objects.resolve_key(Some(&encryption), &opener(UserId(99))).await.expect("opened");
    assert!(opened.is_some());
    let refused = fixture.objects.resolve_key(Some(&encryption), &opener(fixture.bucket.owner)).await;
    assert!(is_refused(refused.expect_err("refused")));
    let copied = fixture.objects.rebound(Some(&encryption), &fixture.bucket, &object_key("b")).await;
    assert!(is_refused(copied.expect_err("refused")));
    assert!(fixture.objects.check_permitted(None, fixture.bucket.owner).is_ok(), "the default one is everybody's");
    assert!(fixture.objects.check_permitted(Some("of others"), fixture.bucket.owner).is_err());
}
