//! Multipart uploads: create, upload or copy parts, abort.

use std::sync::Arc;

use codec::CatalogTarget;

use crate::domain::{
    Bucket, ContentRun, ContentRuns, Extent, ObjectAttributes, ObjectKey, Part, Upload, UploadId, WriteCondition,
};
use crate::metadata::{AbortUpload, CreateUpload as Created, PartChange};
use crate::objects::Objects;
use crate::objects::digests::digest::Digested;
use crate::objects::encryption::content::Encipher;
use crate::objects::encryption::encryption_key::{EncryptionKey, Opener};
use crate::objects::error::{ObjectsError, fail_at};
use crate::objects::requests::{CopyPart, CreateUpload, PutPart, WrittenPart};
use crate::objects::schemes::{may_share, placement_rule};
use crate::objects::write::body::{BodyPromise, IncomingBody};
use crate::objects::write::catalog_entry::{CatalogEntryBuilder, etag_of};
use crate::objects::write::entry::Entry;

impl Objects {
    /// Begins an upload.
    ///
    /// # Errors
    /// `NoSuchBucket` when the bucket went away meanwhile.
    pub async fn create_upload(&self, create: CreateUpload) -> Result<Upload, ObjectsError> {
        let upload = Upload {
            id: self.inner.id_generator.upload(),
            bucket: create.bucket.id,
            key: create.key,
            attributes: ObjectAttributes {
                encryption: create.cipher.as_ref().map(EncryptionKey::encryption),
                ..create.attributes
            },
            checksum: create.checksum,
            created_at: self.inner.id_generator.now(),
            lock: create.lock,
        };
        match self.inner.metadata.create_upload(&upload, create.bucket.owner).await? {
            Created::Created => fail_at("upload-created").map(|()| upload),
            Created::NoSuchBucket => Err(ObjectsError::NoSuchBucket),
            Created::NoObjectLock => Err(ObjectsError::NoObjectLock),
            Created::QuotaExceeded => Err(ObjectsError::QuotaExceeded),
        }
    }

    /// An upload that is under way.
    ///
    /// # Errors
    /// `NoSuchUpload` when it never was, was completed, or was given up.
    pub async fn upload(&self, bucket: &Bucket, key: &ObjectKey, id: &UploadId) -> Result<Arc<Upload>, ObjectsError> {
        let upload = self.inner.metadata.upload(bucket.id, key, id).await?;
        upload.map(Arc::new).ok_or(ObjectsError::NoSuchUpload)
    }

    /// Writes a part. A part of the same number is replaced, and lives until this one is committed.
    ///
    /// # Errors
    /// See [`ObjectsError`]; the earlier part of this number is untouched.
    pub async fn put_part(&self, mut put: PutPart, body: Box<dyn IncomingBody>) -> Result<WrittenPart, ObjectsError> {
        let inner = &self.inner;
        put.promise.kept = Some(put.upload.part_algorithm());
        if put.promise.algorithm.is_none() {
            put.promise.algorithm = put.promise.kept;
        }
        let encryption = put.upload.attributes.encryption.as_ref();
        let opener = Opener { account: put.bucket.owner, customer: put.customer, peer: None };
        let key = self.resolve_key(encryption, &opener).await.map_err(of_part)?;
        let run = key.map(|key| Encipher::new(inner, &key)).transpose()?;
        let salt = run.as_ref().map(|run| run.salt);
        let catalog_entry = part_catalog_entry(self, &put.upload, &put.bucket, put.number.get(), salt);
        let rule = placement_rule(&put.bucket)?;
        let entry = Entry { promise: put.promise, catalog_entry, run, rule };
        let make_change = |digested: &Digested| {
            let part = Part {
                number: put.number,
                size: digested.length,
                etag: etag_of(digested),
                checksum: Some(digested.kept.clone()),
                modified_at: inner.id_generator.now(),
                extents: Vec::new(),
                salt,
            };
            let written = WrittenPart { part: part.clone(), checksum: digested.checksum.clone() };
            Ok((PartChange { upload: put.upload.id, part, source: None }, written))
        };
        let (written, ()) = inner.store(body, entry, make_change).await?;
        fail_at("part-stored")?;
        Ok(written)
    }

    /// Makes a range of a version a part: its extents are cut, no bytes move. They are read, for their MD5 is the part's tag and
    /// their checksum the upload's business. Content that is encrypted here or there, or may not lie where it is, is read and written.
    ///
    /// # Errors
    /// `SourceGone` when the source moved or went away meanwhile; else see [`ObjectsError`].
    pub async fn copy_part(&self, copy: CopyPart) -> Result<Part, ObjectsError> {
        let is_enciphered = copy.source.attributes.encryption.is_some() || copy.upload.attributes.encryption.is_some();
        if is_enciphered || !may_share(&copy.source_bucket, &copy.bucket)? {
            let length = copy.range.end - copy.range.start;
            let reader = self.read_with(copy.source, copy.range, &copy.opener).await?;
            let promise = BodyPromise { length: Some(length), ..BodyPromise::default() };
            let CopyPart { upload, bucket, number, customer, .. } = copy;
            let put = PutPart { upload, bucket, number, promise, customer };
            return Ok(self.put_part(put, Box::new(reader)).await?.part);
        }
        let sent = copy.opener.customer.clone().or(copy.customer);
        self.resolve_key(None, &Opener { customer: sent, ..copy.opener }).await?;
        let promise = BodyPromise { algorithm: Some(copy.upload.part_algorithm()), ..BodyPromise::default() };
        let digested = self.digest_range(&copy.source, copy.range.clone(), &promise, &copy.opener).await?;
        let part = Part {
            number: copy.number,
            size: digested.length,
            etag: etag_of(&digested),
            checksum: Some(digested.kept.clone()),
            modified_at: self.inner.id_generator.now(),
            extents: cut_extents(&copy.source.extents, &copy.range),
            salt: None,
        };
        let source = (!part.extents.is_empty()).then_some(copy.source.id);
        let change = PartChange { upload: copy.upload.id, part: part.clone(), source };
        self.inner.commit(change).await?;
        Ok(part)
    }

    /// Aborts an upload; its parts' bytes are collected later.
    ///
    /// # Errors
    /// `NoSuchUpload` when it is not under way; a completed one is untouched.
    pub async fn abort_upload(&self, bucket: &Bucket, key: &ObjectKey, id: &UploadId) -> Result<(), ObjectsError> {
        match self.inner.metadata.abort_upload(bucket.id, key, id).await? {
            AbortUpload::Aborted => fail_at("upload-aborted"),
            AbortUpload::NoSuchUpload => Err(ObjectsError::NoSuchUpload),
        }
    }
}

/// What a key that is not the upload's means for a part: the request is wrong, nothing is kept from anybody.
fn of_part(error: ObjectsError) -> ObjectsError {
    match error {
        ObjectsError::WrongKey => {
            ObjectsError::InvalidRequest("The provided encryption parameters did not match the ones used originally.")
        }
        ObjectsError::KeyNeeded => ObjectsError::InvalidRequest(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate \
             encryption parameters.",
        ),
        ObjectsError::KeyNotApplicable => ObjectsError::InvalidRequest(
            "The multipart upload initiate did not request encryption. Please resend the request without sending \
             encryption parameters.",
        ),
        other => other,
    }
}

/// The catalog entry of a part.
fn part_catalog_entry(
    objects: &Objects,
    upload: &Upload,
    bucket: &Bucket,
    number: u16,
    salt: Option<codec::ContentSalt>,
) -> CatalogEntryBuilder {
    let mut attributes = upload.attributes.clone();
    if let (Some(encryption), Some(salt)) = (&mut attributes.encryption, salt) {
        encryption.runs = ContentRuns(vec![ContentRun { length: None, salt }]);
    }
    CatalogEntryBuilder {
        bucket: bucket.name.to_string(),
        key: upload.key.clone(),
        target: CatalogTarget::Part { upload: upload.id.0, number },
        attributes,
        condition: WriteCondition::None,
        write_counter: objects.inner.id_generator.write_counter(),
        modified_at: objects.inner.id_generator.now(),
    }
}

/// The extents of a range of a version.
fn cut_extents(extents: &[Extent], range: &std::ops::Range<u64>) -> Vec<Extent> {
    let mut at = 0;
    let mut cut = Vec::new();
    for extent in extents {
        let (start, end) = (range.start.max(at), range.end.min(at + extent.length));
        if start < end {
            cut.push(Extent { blob: extent.blob, offset: extent.offset + (start - at), length: end - start });
        }
        at += extent.length;
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::BlobId;

    #[test]
    fn a_range_of_a_version_is_cut_out_of_its_extents() {
        let extent = |blob: u8, offset, length| Extent { blob: BlobId([blob; 16]), offset, length };
        let extents = [extent(1, 100, 10), extent(2, 0, 5), extent(3, 7, 20)];
        assert_eq!(cut_extents(&extents, &(0..35)), extents.to_vec());
        assert_eq!(cut_extents(&extents, &(4..17)), [extent(1, 104, 6), extent(2, 0, 5), extent(3, 7, 2)]);
        assert_eq!(cut_extents(&extents, &(10..15)), [extent(2, 0, 5)]);
        assert_eq!(cut_extents(&extents, &(35..35)), []);
    }
}
