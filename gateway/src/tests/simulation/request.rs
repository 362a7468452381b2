//! What a client asks of a simulated gateway, carried out on the use cases, and what it is answered.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::TryStreamExt as _;

use crate::domain::{
    ChecksumAlgorithm, ChecksumKind, ETag, ObjectAttributes, ObjectKey, PartNumber, Version, VersionId, VersionLock,
    VersionName, VersionSelector, WriteCondition,
};
use crate::metadata::{ListEntry, ListQuery, MetadataStore};
use crate::objects::{
    BodyPromise, BytesBody, ChosenPart, CompleteUpload, Copy, CreateUpload, Delete, Objects, ObjectsError, Opener, Put,
    PutPart, Stored,
};
use crate::tests::simulation::gateway::Started;
use crate::tests::simulation::world::{Value, content, value_of};

/// Bucket and key, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) bucket: usize,
    pub(super) key: usize,
}

/// On what a write depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    /// The key holds nothing.
    Absent,
    /// The key holds this value, whose tag is named.
    Holds(Value, ETag),
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Put(Place, Value, Condition),
    /// As the only part of an upload, before which another one came under the same number.
    Upload(Place, Value),
    /// A part that is given up with its upload.
    Abort(Place, Value),
    Get(Place),
    GetVersion(Place, VersionId),
    Delete(Place),
    DeleteVersion(Place, VersionId),
    Copy(Place, Place),
    List(usize),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It was written, as this version where they are kept.
    Written(Option<VersionId>),
    /// Nothing is to be read there.
    Absent,
    /// What is to be read.
    Read(Value),
    /// Every key with its tag.
    Listed(Vec<(String, ETag)>),
    /// It was done, and there is nothing to say.
    Done,
    /// The condition does not hold: the key holds something else.
    Unmet,
    /// It lost against others and has certainly not been done.
    Refused,
    /// Nobody knows.
    Unknown,
    /// Something that must not be.
    Wrong(String),
}

/// What a copy found at its source before it was made.
pub(super) type Found = Arc<Mutex<Option<ETag>>>;

/// What carries requests out: the use cases of one gateway.
#[derive(Clone)]
pub(super) struct Service {
    objects: Objects,
    metadata: MetadataStore,
    buckets: Vec<Arc<crate::domain::Bucket>>,
    seed: u64,
}

impl Service {
    pub(super) fn of(started: &Started, seed: u64) -> Self {
        let (objects, metadata) = (started.objects.clone(), started.metadata.clone());
        Self { objects, metadata, buckets: started.buckets.clone(), seed }
    }

    /// Carries a request out.
    pub(super) async fn carry_out(self, request: Request, found: Found) -> Reply {
        let done = match request {
            Request::Put(place, value, condition) => self.put(place, value, condition).await.map(written),
            Request::Upload(place, value) => self.upload(place, value).await,
            Request::Abort(place, value) => self.abort(place, value).await,
            Request::Get(place) => self.get(place, VersionSelector::Current).await,
            Request::GetVersion(place, id) => self.get(place, VersionSelector::Id(id)).await,
            Request::Delete(place) => self.delete(place, VersionSelector::Current).await,
            Request::DeleteVersion(place, id) => self.delete(place, VersionSelector::Id(id)).await,
            Request::Copy(from, to) => self.copy(from, to, &found).await,
            Request::List(bucket) => self.list(bucket).await,
        };
        done.unwrap_or_else(|error| reply_to(&error))
    }

    async fn put(&self, place: Place, value: Value, condition: Condition) -> Result<Stored, ObjectsError> {
        let content = content(self.seed, value);
        let put = Put {
            origin: None,
            bucket: Arc::clone(&self.buckets[place.bucket]),
            key: key(place.key),
            attributes: ObjectAttributes::default(),
            lock: VersionLock::NONE,
            condition: match condition {
                Condition::None => WriteCondition::None,
                Condition::Absent => WriteCondition::Absent,
                Condition::Holds(_, tag) => WriteCondition::Matches(tag),
            },
            promise: BodyPromise { length: Some(content.len() as u64), ..BodyPromise::default() },
            cipher: None,
        };
        self.objects.put(put, body(content)).await
    }

    async fn get(&self, place: Place, selector: VersionSelector) -> Result<Reply, ObjectsError> {
        let _ongoing = self.objects.begin_read();
        let found = self.objects.find(&self.buckets[place.bucket], &key(place.key), selector).await?;
        let Some(version) = found.version() else { return Ok(Reply::Absent) };
        self.read(version).await
    }

    async fn read(&self, version: Arc<Version>) -> Result<Reply, ObjectsError> {
        let (whole, tag) = (0..version.size, version.etag);
        let frames: Vec<Bytes> = self.objects.read(version, whole).await?.try_collect().await?;
        let bytes = frames.concat();
        Ok(value_of(self.seed, &bytes).map_or_else(
            || Reply::Wrong(format!("{} bytes were read that nobody wrote, with the tag {tag}", bytes.len())),
            Reply::Read,
        ))
    }

    async fn delete(&self, place: Place, selector: VersionSelector) -> Result<Reply, ObjectsError> {
        let delete = Delete {
            origin: None,
            bucket: Arc::clone(&self.buckets[place.bucket]),
            key: key(place.key),
            selector,
            condition: WriteCondition::None,
            bypass: false,
        };
        self.objects.delete(vec![delete]).await.remove(0).map(|_| Reply::Done)
    }

    async fn copy(&self, from: Place, to: Place, found: &Found) -> Result<Reply, ObjectsError> {
        let _ongoing = self.objects.begin_read();
        let source = self.objects.current(&self.buckets[from.bucket], &key(from.key)).await?;
        let Some(source) = source else { return Ok(Reply::Absent) };
        *found.lock().unwrap() = Some(source.etag);
        let copy = Copy {
            origin: None,
            source,
            source_bucket: Arc::clone(&self.buckets[from.bucket]),
            bucket: Arc::clone(&self.buckets[to.bucket]),
            key: key(to.key),
            attributes: ObjectAttributes::default(),
            lock: VersionLock::NONE,
            condition: WriteCondition::None,
            algorithm: None,
            opener: Opener { account: self.buckets[from.bucket].owner, customer: None },
            key_choice: None,
        };
        self.objects.copy(copy).await.map(written)
    }

    async fn list(&self, bucket: usize) -> Result<Reply, ObjectsError> {
        let query = ListQuery { limit: 1_000, ..ListQuery::default() };
        let page = self.metadata.list_current(self.buckets[bucket].id, &query).await?;
        let entries = page.entries.into_iter().filter_map(|entry| match entry {
            ListEntry::Object(object) => Some((object.key.as_str().to_owned(), object.etag)),
            ListEntry::Prefix(_) => None,
        });
        Ok(Reply::Listed(entries.collect()))
    }

    async fn upload(&self, place: Place, value: Value) -> Result<Reply, ObjectsError> {
        let upload = self.begin_upload(place).await?;
        self.part(&upload, place, content(self.seed, value).slice(..8)).await?;
        let part = self.part(&upload, place, content(self.seed, value)).await?;
        let complete = CompleteUpload {
            origin: None,
            bucket: Arc::clone(&self.buckets[place.bucket]),
            key: upload.key.clone(),
            upload: upload.id,
            parts: vec![ChosenPart { number: part.number, etag: Some(part.etag), checksums: Vec::new() }],
            condition: WriteCondition::None,
            object_size: None,
            checksum: None,
            checksum_kind: None,
        };
        self.objects.complete_upload(complete).await.map(written)
    }

    async fn abort(&self, place: Place, value: Value) -> Result<Reply, ObjectsError> {
        let upload = self.begin_upload(place).await?;
        self.part(&upload, place, content(self.seed, value)).await?;
        self.objects.abort_upload(&self.buckets[place.bucket], &upload.key, &upload.id).await.map(|()| Reply::Done)
    }

    async fn begin_upload(&self, place: Place) -> Result<Arc<crate::domain::Upload>, ObjectsError> {
        let create = CreateUpload {
            bucket: Arc::clone(&self.buckets[place.bucket]),
            key: key(place.key),
            attributes: ObjectAttributes::default(),
            lock: VersionLock::NONE,
            cipher: None,
            checksum: Some((ChecksumAlgorithm::Crc64nvme, ChecksumKind::FullObject)),
        };
        self.objects.create_upload(create).await.map(Arc::new)
    }

    async fn part(
        &self,
        upload: &Arc<crate::domain::Upload>,
        place: Place,
        content: Bytes,
    ) -> Result<crate::domain::Part, ObjectsError> {
        let put = PutPart {
            upload: Arc::clone(upload),
            bucket: Arc::clone(&self.buckets[place.bucket]),
            number: PartNumber::new(1).unwrap(),
            promise: BodyPromise::default(),
            customer: None,
        };
        self.objects.put_part(put, body(content)).await.map(|written| written.part)
    }
}

fn written(stored: Stored) -> Reply {
    Reply::Written(match stored.name {
        Some(VersionName::Id(id)) => Some(id),
        Some(VersionName::Null) | None => None,
    })
}

/// What an error says about what was done.
fn reply_to(error: &ObjectsError) -> Reply {
    match error {
        ObjectsError::NoSuchKey | ObjectsError::NoSuchVersion | ObjectsError::IsMarker => Reply::Absent,
        ObjectsError::PreconditionFailed => Reply::Unmet,
        ObjectsError::ConditionConflict | ObjectsError::SourceGone => Reply::Refused,
        // Also for a body whose source cannot be read, and an upload whose outcome was not known before.
        ObjectsError::Unavailable(_) | ObjectsError::Body(_) => Reply::Unknown,
        wrong => Reply::Wrong(wrong.to_string()),
    }
}

fn body(content: Bytes) -> Box<BytesBody> {
    Box::new(BytesBody::new(content))
}

/// The name of a key.
pub(super) fn key(number: usize) -> ObjectKey {
    ObjectKey::new(key_name(number)).unwrap()
}

pub(super) fn key_name(number: usize) -> String {
    format!("key-{number}")
}
