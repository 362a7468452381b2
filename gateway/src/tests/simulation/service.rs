//! Carries a client's requests out on the use cases of a simulated gateway.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;

use crate::domain::{
    Bucket, ContentEncryption, ObjectAttributes, Version, VersionLock, VersionName, VersionSelector, WriteCondition,
};
use crate::metadata::{ListEntry, ListQuery, MetadataStore};
use crate::objects::{
    BodyPromise, BytesBody, Copy, Delete, EncryptionKey, KeyChoice, Objects, ObjectsError, Opener, Put, Stored,
};
use crate::tests::simulation::gateway::Started;
use crate::tests::simulation::request::{
    CUSTOMERS, Condition, Customer, Found, Offset, Place, Reply, Request, Sight, data_key, key,
};
use crate::tests::simulation::values::{Value, piece, value_of};

/// What carries requests out: the use cases of one gateway.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) objects: Objects,
    metadata: MetadataStore,
    buckets: Vec<Arc<Bucket>>,
    pub(super) seed: u64,
}

impl Service {
    pub(super) fn of(started: &Started, seed: u64) -> Self {
        let (objects, metadata) = (started.objects.clone(), started.metadata.clone());
        Self { objects, metadata, buckets: started.buckets.clone(), seed }
    }

    /// Carries a request out.
    pub(super) async fn carry_out(self, request: Request, found: Found) -> Reply {
        let done = match request {
            Request::Put(place, value, condition, customer) => self.put(place, value, condition, customer).await,
            Request::Upload(place, value, customer) => self.upload(place, value, customer).await,
            Request::Abort(place, value) => self.abort(place, value).await,
            Request::Get(place) => self.get(place, VersionSelector::Current).await,
            Request::GetVersion(place, id) => self.get(place, VersionSelector::Id(id)).await,
            Request::Delete(place) => self.delete(place, VersionSelector::Current).await,
            Request::DeleteVersion(place, id) => self.delete(place, VersionSelector::Id(id)).await,
            Request::Copy(from, to, customer) => self.copy(from, to, customer, &found).await,
            Request::Append(place, value, offset) => self.append(place, value, offset, &found).await,
            Request::Rename(from, to) => self.rename(from, to, &found).await,
            Request::List(bucket) => self.list(bucket).await,
        };
        done.unwrap_or_else(|error| reply_to(&error))
    }

    pub(super) fn bucket(&self, place: Place) -> &Arc<Bucket> {
        &self.buckets[place.bucket]
    }

    async fn put(
        &self,
        place: Place,
        value: Value,
        condition: Condition,
        customer: Customer,
    ) -> Result<Reply, ObjectsError> {
        let content = piece(self.seed, value, 0);
        let condition = match condition {
            Condition::None => WriteCondition::None,
            Condition::Absent => WriteCondition::Absent,
            Condition::Holds(_, tag) => WriteCondition::Matches(tag),
        };
        let cipher = self.cipher(place, customer).await?;
        let put = Put { condition, cipher, ..self.new_put(place, content.len()) };
        self.objects.put(put, body(content)).await.map(written)
    }

    fn new_put(&self, place: Place, length: usize) -> Put {
        Put {
            origin: None,
            bucket: Arc::clone(self.bucket(place)),
            key: key(place.key),
            attributes: ObjectAttributes::default(),
            lock: VersionLock::NONE,
            condition: WriteCondition::None,
            promise: BodyPromise { length: Some(length as u64), ..BodyPromise::default() },
            cipher: None,
        }
    }

    /// What a customer's key enciphers an object with that is to be here.
    pub(super) async fn cipher(&self, place: Place, customer: Customer) -> Result<Option<EncryptionKey>, ObjectsError> {
        let Some(customer) = customer else { return Ok(None) };
        let choice = KeyChoice::Customer(data_key(customer));
        self.objects.new_encryption_key(choice, self.bucket(place), &key(place.key)).await.map(Some)
    }

    async fn append(&self, place: Place, value: Value, offset: Offset, found: &Found) -> Result<Reply, ObjectsError> {
        let offset = match offset {
            Offset::Guessed(_, offset) => offset,
            Offset::Found => self.look(place, found).await?.map_or(0, |current| current.size),
        };
        let content = piece(self.seed, value, offset);
        self.objects.append(self.new_put(place, content.len()), offset, body(content)).await.map(written)
    }

    async fn rename(&self, from: Place, to: Place, found: &Found) -> Result<Reply, ObjectsError> {
        let Some(source) = self.look(from, found).await? else { return Ok(Reply::Absent) };
        let bucket = self.bucket(from);
        let renamed = self.objects.rename(bucket, &source, key(to.key), WriteCondition::None, None).await?;
        Ok(if renamed { Reply::Done } else { Reply::Refused })
    }

    /// What is current there, for a request that changes it or goes by it.
    async fn look(&self, place: Place, found: &Found) -> Result<Option<Arc<Version>>, ObjectsError> {
        let current = self.objects.current(self.bucket(place), &key(place.key)).await?;
        *found.lock().unwrap() = current.as_ref().map_or(Sight::Nothing, |version| Sight::Object(version.etag));
        Ok(current)
    }

    async fn get(&self, place: Place, selector: VersionSelector) -> Result<Reply, ObjectsError> {
        let _ongoing = self.objects.begin_read();
        let found = self.objects.find(self.bucket(place), &key(place.key), selector).await?;
        let Some(version) = found.version() else { return Ok(Reply::Absent) };
        self.read(place, version).await
    }

    async fn read(&self, place: Place, version: Arc<Version>) -> Result<Reply, ObjectsError> {
        let (whole, tag) = (0..version.size, version.etag);
        let opener = match self.opener(place, version.attributes.encryption.as_ref()).await {
            Ok(opener) => opener,
            Err(wrong) => return Ok(Reply::Wrong(wrong)),
        };
        let frames: Vec<Bytes> = self.objects.read_with(version, whole, &opener).await?.try_collect().await?;
        let bytes = frames.concat();
        Ok(value_of(self.seed, &bytes).map_or_else(
            || Reply::Wrong(format!("{} bytes were read that nobody wrote, with the tag {tag}", bytes.len())),
            |value| Reply::Read(value, tag),
        ))
    }

    /// What opens an object: the key that enciphers it, which is one of the customers', and no other.
    async fn opener(&self, place: Place, encryption: Option<&ContentEncryption>) -> Result<Opener, String> {
        let opener = |customer: Customer| Opener {
            account: self.bucket(place).owner,
            customer: customer.map(data_key),
            peer: None,
        };
        let mut opens = Vec::new();
        for customer in (0..CUSTOMERS).map(Some).chain([None]) {
            match self.objects.resolve_key(encryption, &opener(customer)).await {
                Ok(_) => opens.push(customer),
                Err(ObjectsError::KeyNeeded | ObjectsError::WrongKey | ObjectsError::KeyNotApplicable) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        match *opens {
            [customer] => Ok(opener(customer)),
            _ => Err(format!("an object of {place:?} is opened by {opens:?}: {encryption:?}")),
        }
    }

    async fn delete(&self, place: Place, selector: VersionSelector) -> Result<Reply, ObjectsError> {
        let delete = Delete {
            origin: None,
            bucket: Arc::clone(self.bucket(place)),
            key: key(place.key),
            selector,
            condition: WriteCondition::None,
            bypass: false,
        };
        self.objects.delete(vec![delete]).await.remove(0).map(|_| Reply::Done)
    }

    async fn copy(&self, from: Place, to: Place, customer: Customer, found: &Found) -> Result<Reply, ObjectsError> {
        let _ongoing = self.objects.begin_read();
        let Some(source) = self.look(from, found).await? else { return Ok(Reply::Absent) };
        let opener = match self.opener(from, source.attributes.encryption.as_ref()).await {
            Ok(opener) => opener,
            Err(wrong) => return Ok(Reply::Wrong(wrong)),
        };
        let copy = Copy {
            origin: None,
            source,
            source_bucket: Arc::clone(self.bucket(from)),
            bucket: Arc::clone(self.bucket(to)),
            key: key(to.key),
            attributes: ObjectAttributes::default(),
            lock: VersionLock::NONE,
            condition: WriteCondition::None,
            algorithm: None,
            opener,
            key_choice: customer.map(|customer| KeyChoice::Customer(data_key(customer))),
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
}

pub(super) fn written(stored: Stored) -> Reply {
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
        ObjectsError::InvalidWriteOffset => Reply::WrongOffset,
        ObjectsError::Enciphered => Reply::Enciphered,
        ObjectsError::ConditionConflict | ObjectsError::SourceGone => Reply::Refused,
        // Also for a body whose source cannot be read, and an upload whose outcome was not known before.
        ObjectsError::Unavailable(_) | ObjectsError::Body(_) => Reply::Unknown,
        wrong => Reply::Wrong(wrong.to_string()),
    }
}

pub(super) fn body(content: Bytes) -> Box<BytesBody> {
    Box::new(BytesBody::new(content))
}
