//! Uploads that nobody will complete are aborted. One that cannot be aborted keeps none of the others.

use crate::domain::{Bucket, BucketId, ObjectKey, UploadId};
use crate::lifecycle::{Calendar, Configuration};
use crate::metadata::{MetadataError, UploadEntry, UploadListQuery};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::objects::maintenance::lifecycle::count;

/// Uploads read in one query.
const PAGE: usize = 1_000;

/// Uploads given up in one step.
const UPLOADS_PER_STEP: usize = 100;

impl Objects {
    /// Aborts uploads that a bucket's rules consider old enough.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn abort_by_lifecycle(
        &self,
        bucket: &Bucket,
        rules: &Configuration,
        calendar: Calendar,
    ) -> Result<(), ObjectsError> {
        let now = self.inner.id_generator.now();
        let mut query = UploadListQuery { limit: PAGE, ..UploadListQuery::default() };
        loop {
            let page = self.inner.metadata.list_uploads(bucket.id, &query).await?;
            for entry in &page.entries {
                let UploadEntry::Upload(upload) = entry else { continue };
                let due = rules.abort(upload.key.as_bytes(), upload.created_at, calendar);
                if due.is_some_and(|(at, _)| at <= now)
                    && self.give_up_upload(bucket.id, &upload.key, &upload.id).await?
                {
                    count("abort", 1);
                }
            }
            match page.entries.last() {
                Some(UploadEntry::Upload(last)) if page.truncated => {
                    query.key_marker = last.key.as_bytes().to_vec();
                    query.upload_marker = Some(last.id);
                }
                _ => return Ok(()),
            }
        }
    }

    /// Aborts uploads without activity for so long, whatever rules there are. Returns how many; zero means that none is left that
    /// can be aborted.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn abort_stale_uploads(&self, seconds: i64) -> Result<usize, ObjectsError> {
        let mut after = None;
        loop {
            let stale = self.inner.metadata.stale_uploads(seconds, after.as_ref(), UPLOADS_PER_STEP).await?;
            let mut aborted = 0;
            for upload in &stale {
                if self.give_up_upload(upload.bucket, &upload.key, &upload.id).await? {
                    tracing::info!(upload = %upload.id, "aborting a stale multipart upload");
                    aborted += 1;
                }
            }
            after = stale.into_iter().next_back();
            if aborted > 0 || after.is_none() {
                return Ok(aborted);
            }
        }
    }

    /// Aborts one upload; false if that fails for a reason of its own, so that the others need not wait for it.
    async fn give_up_upload(&self, bucket: BucketId, key: &ObjectKey, id: &UploadId) -> Result<bool, ObjectsError> {
        match self.inner.metadata.abort_upload(bucket, key, id).await {
            Ok(_) => Ok(true),
            Err(error @ (MetadataError::Damaged(_) | MetadataError::Conflict)) => {
                tracing::warn!(upload = %id, %error, "an upload could not be aborted");
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
