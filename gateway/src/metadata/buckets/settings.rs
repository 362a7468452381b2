//! Bucket configurations.

use std::marker::PhantomData;

use crate::domain::{Bucket, BucketId, BucketName, BucketSettings, Setting};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{bucket_name, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

impl MetadataStore {
    /// Configures a bucket, instead of what was configured of this kind before. Answers whether the bucket is still there.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn set_setting<T: Setting>(&self, bucket: &Bucket, setting: &T) -> Result<bool> {
        self.change_setting(bucket, T::KIND, Some(document(setting)?)).await
    }

    /// Removes the configuration of this kind, if any. Returns whether the bucket still exists.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn clear_setting<T: Setting>(&self, bucket: &Bucket) -> Result<bool> {
        self.change_setting(bucket, T::KIND, None).await
    }

    /// Changes the configuration of this kind by what is configured now, so that two changes at once both count. `edit` answers
    /// what is to be configured, nothing, or why not; it may be called more than once.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn edit_setting<T: Setting, E: Send + 'static>(
        &self,
        bucket: &Bucket,
        edit: impl Fn(Option<T>) -> std::result::Result<Option<T>, E> + Send + Sync + 'static,
    ) -> Result<EditSetting<E>> {
        let (shared, name) = (self.shared.clone(), bucket.name.clone());
        let edit = Edit { bucket: bucket.id, edit, kinds: PhantomData };
        let task = tokio::spawn(async move {
            let _announced = shared.buckets.announce([name]);
            shared.database.transact_here(&edit).await
        });
        task.await.map_err(|_| MetadataError::Unknown)?
    }

    /// Names of buckets on which this kind is configured, in order of their ids, from after `after` on.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn buckets_with<T: Setting>(&self, after: BucketId, most: usize) -> Result<Vec<(BucketId, BucketName)>> {
        let text = "SELECT b.id, b.name FROM bucket_setting s JOIN bucket b ON b.id = s.bucket_id \
                    WHERE s.kind = $1 AND s.bucket_id > $2 ORDER BY s.bucket_id LIMIT $3";
        let statement = Statement::new(text).bind(T::KIND).bind(after.0).bind(limit(most));
        let named = |row: &crate::metadata::engine::row::Row| Ok((BucketId(row.int(0)?), bucket_name(row.text(1)?)?));
        self.database().rows(statement).await?.iter().map(named).collect()
    }

    async fn change_setting(&self, bucket: &Bucket, kind: &'static str, document: Option<String>) -> Result<bool> {
        let (shared, name) = (self.shared.clone(), bucket.name.clone());
        let change = Change { bucket: bucket.id, kind, document };
        let task = tokio::spawn(async move {
            let _announced = shared.buckets.announce([name]);
            shared.database.transact_here(&change).await
        });
        task.await.map_err(|_| MetadataError::Unknown)?
    }
}

/// The outcome of changing a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditSetting<E> {
    /// It is what it was to be.
    Edited,
    /// It is what it was: the edit said no.
    Refused(E),
    /// The bucket is gone.
    NoSuchBucket,
}

struct Edit<T, E, F> {
    bucket: BucketId,
    edit: F,
    kinds: PhantomData<fn() -> (T, E)>,
}

impl<T, E, F> Work for Edit<T, E, F>
where
    T: Setting,
    E: Send + 'static,
    F: Fn(Option<T>) -> std::result::Result<Option<T>, E> + Send + Sync + 'static,
{
    type Done = EditSetting<E>;

    async fn run(&self, tx: &mut Session) -> Result<Self::Done> {
        // For update: whoever changes the same configuration waits here, also where there is none yet.
        let text = format!("SELECT id FROM bucket WHERE id = $1{}", tx.dialect().for_update());
        if tx.row(Statement::new(text).bind(self.bucket.0)).await?.is_none() {
            return Ok(EditSetting::NoSuchBucket);
        }
        let text = "SELECT document FROM bucket_setting WHERE bucket_id = $1 AND kind = $2";
        let row = tx.row(Statement::new(text).bind(self.bucket.0).bind(T::KIND)).await?;
        let damaged = |error: serde_json::Error| MetadataError::Damaged(format!("{}: {error}", T::KIND));
        let text = row.as_ref().map(|row| row.text(0)).transpose()?;
        let now = text.map(serde_json::from_str::<T>).transpose().map_err(damaged)?;
        let document = match (self.edit)(now) {
            Ok(setting) => setting.as_ref().map(document).transpose()?,
            Err(refused) => return Ok(EditSetting::Refused(refused)),
        };
        put(tx, self.bucket, T::KIND, document.as_deref()).await?;
        Ok(EditSetting::Edited)
    }
}

struct Change {
    bucket: BucketId,
    kind: &'static str,
    document: Option<String>,
}

impl Work for Change {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = format!("SELECT id FROM bucket WHERE id = $1{}", tx.dialect().for_share());
        if tx.row(Statement::new(text).bind(self.bucket.0)).await?.is_none() {
            return Ok(false);
        }
        put(tx, self.bucket, self.kind, self.document.as_deref()).await?;
        Ok(true)
    }
}

/// Writes one setting, or removes it.
async fn put(tx: &mut Session, bucket: BucketId, kind: &str, document: Option<&str>) -> Result<()> {
    if let Some(document) = document {
        return write(tx, bucket, kind, document).await;
    }
    let text = "DELETE FROM bucket_setting WHERE bucket_id = $1 AND kind = $2";
    tx.execute(Statement::new(text).bind(bucket.0).bind(kind)).await.map(drop)
}

/// Writes one setting.
pub(crate) async fn write(tx: &mut Session, bucket: BucketId, kind: &str, document: &str) -> Result<()> {
    let text = format!(
        "INSERT INTO bucket_setting (bucket_id, kind, document, changed_at) VALUES ($1, $2, $3, {}) \
         ON CONFLICT (bucket_id, kind) DO UPDATE SET document = excluded.document, changed_at = excluded.changed_at",
        tx.dialect().now()
    );
    tx.execute(Statement::new(text).bind(bucket.0).bind(kind).bind(document)).await?;
    Ok(())
}

/// All settings of a bucket.
pub(crate) async fn read(session: &mut Session, bucket: BucketId) -> Result<BucketSettings> {
    let text = "SELECT kind, document FROM bucket_setting WHERE bucket_id = $1";
    let rows = session.rows(Statement::new(text).bind(bucket.0)).await?;
    let texts = rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())));
    Ok(BucketSettings::from_texts(texts.collect::<Result<Vec<_>>>()?))
}

/// A setting as the database keeps it.
pub(crate) fn document<T: Setting>(setting: &T) -> Result<String> {
    serde_json::to_string(setting).map_err(|error| MetadataError::Damaged(format!("{}: {error}", T::KIND)))
}
