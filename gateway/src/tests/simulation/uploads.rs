//! The requests that upload in parts.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{
    ChecksumAlgorithm, ChecksumKind, ObjectAttributes, Part, PartNumber, Upload, VersionLock, WriteCondition,
};
use crate::objects::{BodyPromise, ChosenPart, CompleteUpload, CreateUpload, ObjectsError, PutPart};
use crate::tests::simulation::request::{Customer, Place, Reply, data_key, key};
use crate::tests::simulation::service::{Service, body, written};
use crate::tests::simulation::values::{Value, piece};

impl Service {
    pub(super) async fn upload(&self, place: Place, value: Value, customer: Customer) -> Result<Reply, ObjectsError> {
        let upload = self.begin_upload(place, customer).await?;
        let content = piece(self.seed, value, 0);
        self.part(&upload, place, content.slice(..8), customer).await?;
        let part = self.part(&upload, place, content, customer).await?;
        let complete = CompleteUpload {
            origin: None,
            bucket: Arc::clone(self.bucket(place)),
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

    pub(super) async fn abort(&self, place: Place, value: Value) -> Result<Reply, ObjectsError> {
        let upload = self.begin_upload(place, None).await?;
        self.part(&upload, place, piece(self.seed, value, 0), None).await?;
        self.objects.abort_upload(self.bucket(place), &upload.key, &upload.id).await.map(|()| Reply::Done)
    }

    async fn begin_upload(&self, place: Place, customer: Customer) -> Result<Arc<Upload>, ObjectsError> {
        let create = CreateUpload {
            bucket: Arc::clone(self.bucket(place)),
            key: key(place.key),
            attributes: ObjectAttributes::default(),
            lock: VersionLock::NONE,
            cipher: self.cipher(place, customer).await?,
            checksum: Some((ChecksumAlgorithm::Crc64nvme, ChecksumKind::FullObject)),
        };
        self.objects.create_upload(create).await.map(Arc::new)
    }

    async fn part(
        &self,
        upload: &Arc<Upload>,
        place: Place,
        content: Bytes,
        customer: Customer,
    ) -> Result<Part, ObjectsError> {
        let put = PutPart {
            upload: Arc::clone(upload),
            bucket: Arc::clone(self.bucket(place)),
            number: PartNumber::new(1).unwrap(),
            promise: BodyPromise::default(),
            customer: customer.map(data_key),
        };
        self.objects.put_part(put, body(content)).await.map(|written| written.part)
    }
}
