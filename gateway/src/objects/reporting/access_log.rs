//! Server access logs: buffered lines are written as objects into the target bucket.
//! As with Amazon a line may be lost when a gateway dies; one that stops in good order writes them all.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::domain::{Bucket, ObjectAttributes, ObjectKey, VersionLock, WriteCondition};
use crate::events::LoggingConfiguration;
use crate::objects::Objects;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::access_log_buffer::Lines;
use crate::objects::requests::Put;
use crate::objects::write::body::{BodyPromise, BytesBody};

/// How long lines may be buffered.
const LINGER: Duration = Duration::from_secs(60);

impl Objects {
    /// Adds a line to a bucket's access log, in memory; a worker flushes it.
    pub fn log_access(&self, bucket: &Arc<Bucket>, line: &str) {
        self.inner.access_log.add(bucket, line);
    }

    /// Flushes what was logged: what is old or large enough, or everything. Returns how many logs were written.
    ///
    /// `region` and `linger` are the operator's: what keys show, and how long lines are buffered.
    pub async fn flush_access_logs(&self, everything: bool, region: &str, linger: Option<Duration>) -> usize {
        let mut written = 0;
        for lines in self.inner.access_log.take(everything, linger.unwrap_or(LINGER)) {
            if lines.lost > 0 {
                let (bucket, lost) = (&lines.bucket.name, lines.lost);
                tracing::warn!(%bucket, lost, "access log lines were lost: more came than could be kept in memory");
            }
            if lines.text.is_empty() {
                continue;
            }
            match self.write_log(&lines, region).await {
                Ok(()) => written += 1,
                Err(error) => {
                    metrics::counter!("haulout_access_logs_lost_total").increment(1);
                    tracing::warn!(bucket = %lines.bucket.name, %error, "an access log could not be written");
                }
            }
        }
        written
    }

    async fn write_log(&self, lines: &Lines, region: &str) -> Result<(), ObjectsError> {
        let bucket = &lines.bucket;
        let logging = bucket.settings.get::<LoggingConfiguration>();
        let logging = logging.map_err(|error| ObjectsError::Internal(error.to_string()))?;
        let Some(logging) = logging else { return Ok(()) };
        let name = logging.target.parse().map_err(|_| ObjectsError::NoSuchBucket)?;
        let target = self.inner.metadata.bucket(&name).await?.ok_or(ObjectsError::NoSuchBucket)?;
        if target.owner != bucket.owner {
            return Err(ObjectsError::NoSuchBucket);
        }
        let unique = self.inner.id_generator.unique();
        let key = logging.key(bucket.owner, region, bucket.name.as_str(), self.inner.id_generator.now(), unique);
        let key = ObjectKey::new(key).map_err(|error| ObjectsError::Internal(error.to_string()))?;
        let body = Bytes::from(lines.text.clone());
        let attributes =
            ObjectAttributes { content_type: Some("text/plain".to_owned()), ..ObjectAttributes::default() };
        self.put_own(target, key, attributes, body).await
    }

    /// Writes an object on behalf of the gateway itself.
    pub(crate) async fn put_own(
        &self,
        bucket: Arc<Bucket>,
        key: ObjectKey,
        attributes: ObjectAttributes,
        body: Bytes,
    ) -> Result<(), ObjectsError> {
        let promise = BodyPromise { length: Some(body.len() as u64), ..BodyPromise::default() };
        let condition = WriteCondition::None;
        let put =
            Put { bucket, key, attributes, lock: VersionLock::NONE, condition, promise, cipher: None, origin: None };
        self.put(put, Box::new(BytesBody::new(body))).await.map(drop)
    }
}
