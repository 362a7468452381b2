//! Wrapped keys, page by page, for the rotation of the keys that wrap them. Each replacement compares with what was read, so
//! that a page may be repeated and nothing that changed meanwhile is overwritten.

use codec::{BlobId, WrappedKey};

use crate::domain::{BucketId, ContentKey, KmsKey, ObjectAttributes, ObjectKey};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{self, attributes_text, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// Attributes that hold a data key of a key service, and where they are.
#[derive(Clone, Debug)]
pub struct KmsAttributes {
    location: AttributesRow,
    attributes: ObjectAttributes,
    text: String,
}

#[derive(Clone, Debug)]
enum AttributesRow {
    Version { bucket: i64, key: Vec<u8>, seq: i64 },
    Upload([u8; 16]),
}

/// How far a walk over all attributes has come; the default is before the first.
#[derive(Clone, Debug, Default)]
pub struct AttributesCursor {
    versions: Option<(i64, Vec<u8>, i64)>,
    versions_done: bool,
    upload: Vec<u8>,
    /// Attributes that could not be read so far.
    pub unreadable: usize,
}

impl KmsAttributes {
    /// The wrapped data key.
    #[must_use]
    pub fn kms_key(&self) -> Option<&KmsKey> {
        match self.attributes.encryption.as_ref().map(|encryption| &encryption.key) {
            Some(ContentKey::Kms(key)) => Some(key),
            _ => None,
        }
    }
}

impl MetadataStore {
    /// The next page of attributes with a data key of a key service, of versions and then of uploads. `None` at the end; a page
    /// may be empty before it. Those that are damaged are left out, and counted by the mark.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn kms_attributes(&self, mark: &mut AttributesCursor, most: usize) -> Result<Option<Vec<KmsAttributes>>> {
        // Only the text of those that matter travels; the walk is by the primary key.
        const TEXT: &str = "CASE WHEN attributes LIKE '%\"kms\"%' THEN attributes ELSE '' END";
        if !mark.versions_done {
            let (bucket, key, seq) = mark.versions.clone().unwrap_or((i64::MIN, Vec::new(), 0));
            let text = format!(
                "SELECT bucket_id, key, seq, {TEXT} FROM version WHERE (bucket_id, key, seq) > ($1, $2, $3) \
                 ORDER BY bucket_id, key, seq LIMIT $4"
            );
            let statement = Statement::new(text).bind(bucket).bind(key).bind(seq).bind(limit(most));
            let rows = self.database().rows(statement).await?;
            mark.versions_done = rows.len() < most;
            let mut page = Vec::new();
            for row in &rows {
                let (bucket, key, seq) = (row.int(0)?, row.bytes(1)?.to_vec(), row.int(2)?);
                mark.versions = Some((bucket, key.clone(), seq));
                page.extend(mark.locked(AttributesRow::Version { bucket, key, seq }, row.text(3)?));
            }
            return Ok(Some(page));
        }
        let text = format!("SELECT id, {TEXT} FROM upload WHERE id > $1 ORDER BY id LIMIT $2");
        let rows = self.database().rows(Statement::new(text).bind(&*mark.upload).bind(limit(most))).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        mark.upload = last.bytes(0)?.to_vec();
        let mut page = Vec::new();
        for row in &rows {
            page.extend(mark.locked(AttributesRow::Upload(row.array(0)?), row.text(1)?));
        }
        Ok(Some(page))
    }

    /// Replaces wrapped data keys, where the attributes are still what was read. Counts those it replaced.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn replace_kms_keys(&self, replaced: Vec<(KmsAttributes, KmsKey)>) -> Result<usize> {
        if replaced.is_empty() {
            return Ok(0);
        }
        let location = |(locked, _): &(KmsAttributes, KmsKey)| match &locked.location {
            AttributesRow::Version { bucket, key, .. } => Some((BucketId(*bucket), ObjectKey::new(key.clone()).ok()?)),
            AttributesRow::Upload(_) => None,
        };
        let _announced =
            self.shared.versions.as_ref().map(|cache| cache.announce(replaced.iter().filter_map(location)));
        self.database().transact(ReplaceKms(replaced)).await
    }

    /// The next blobs after one, each with the wrapping that opens it now.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn wrapped_blob_keys(&self, after: Option<BlobId>, most: usize) -> Result<Vec<(BlobId, WrappedKey)>> {
        let text = "SELECT id, COALESCE(rewrapped_key, wrapped_key) FROM blob WHERE id > $1 ORDER BY id LIMIT $2";
        let after = after.map_or(Vec::new(), |id| id.0.to_vec());
        let rows = self.database().rows(Statement::new(text).bind(after).bind(limit(most))).await?;
        rows.iter().map(|row| Ok((BlobId(row.array(0)?), WrappedKey(row.array(1)?)))).collect()
    }

    /// Keeps other wrappings of blobs' keys beside those in the slivers' headers.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn rewrap_blob_keys(&self, keys: Vec<(BlobId, WrappedKey)>) -> Result<()> {
        self.database().transact(RewrapBlobs(keys.clone())).await?;
        keys.iter().for_each(|(id, _)| self.forget_blob(id));
        Ok(())
    }

    /// The next access keys after one: id and sealed secret.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn sealed_secrets(&self, after: &str, most: usize) -> Result<Vec<(String, Vec<u8>)>> {
        let text = "SELECT id, sealed_secret FROM access_key WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = self.database().rows(Statement::new(text).bind(after).bind(limit(most))).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()))).collect()
    }

    /// Replaces a sealed secret, if it is still what was read.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn reseal_secret(&self, id: &str, from: &[u8], to: &[u8]) -> Result<()> {
        self.database().transact(Reseal { id: id.to_owned(), from: from.to_vec(), to: to.to_vec() }).await
    }

    /// Makes a cluster key the one that wraps from now on.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn activate_cluster_key(&self, key_id: u32, key_check: [u8; 16]) -> Result<()> {
        self.database().transact(Activate { key_id, key_check }).await
    }
}

impl AttributesCursor {
    /// Attributes, if they hold a data key. Those that cannot be read must not keep others from being rewrapped.
    fn locked(&mut self, location: AttributesRow, text: &str) -> Option<KmsAttributes> {
        if text.is_empty() {
            return None;
        }
        match columns::attributes(text) {
            Ok(attributes) => {
                let locked = KmsAttributes { location, attributes, text: text.to_owned() };
                locked.kms_key().is_some().then_some(locked)
            }
            Err(error) => {
                tracing::warn!(?location, %error, "attributes with a data key cannot be read");
                self.unreadable += 1;
                None
            }
        }
    }
}

struct ReplaceKms(Vec<(KmsAttributes, KmsKey)>);

impl Work for ReplaceKms {
    type Done = usize;

    async fn run(&self, tx: &mut Session) -> Result<usize> {
        let mut count = 0;
        for (locked, key) in &self.0 {
            let mut attributes = locked.attributes.clone();
            if let Some(encryption) = &mut attributes.encryption {
                encryption.key = ContentKey::Kms(key.clone());
            }
            let to = attributes_text(&attributes)?;
            let statement = match &locked.location {
                AttributesRow::Version { bucket, key, seq } => Statement::new(
                    "UPDATE version SET attributes = $1 \
                     WHERE bucket_id = $2 AND key = $3 AND seq = $4 AND attributes = $5",
                )
                .bind(to)
                .bind(*bucket)
                .bind(&**key)
                .bind(*seq)
                .bind(&*locked.text),
                AttributesRow::Upload(id) => {
                    Statement::new("UPDATE upload SET attributes = $1 WHERE id = $2 AND attributes = $3")
                        .bind(to)
                        .bind(*id)
                        .bind(&*locked.text)
                }
            };
            count += usize::try_from(tx.execute(statement).await?).unwrap_or(0);
        }
        Ok(count)
    }
}

struct RewrapBlobs(Vec<(BlobId, WrappedKey)>);

impl Work for RewrapBlobs {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        for (id, key) in &self.0 {
            let statement = Statement::new("UPDATE blob SET rewrapped_key = $1 WHERE id = $2").bind(key.0).bind(id.0);
            tx.execute(statement).await?;
        }
        Ok(())
    }
}

struct Reseal {
    id: String,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Work for Reseal {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let text = "UPDATE access_key SET sealed_secret = $1 WHERE id = $2 AND sealed_secret = $3";
        tx.execute(Statement::new(text).bind(&*self.to).bind(&*self.id).bind(&*self.from)).await.map(drop)
    }
}

struct Activate {
    key_id: u32,
    key_check: [u8; 16],
}

impl Work for Activate {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let text = "UPDATE cluster SET key_id = $1, key_check = $2 WHERE id = 1";
        match tx.execute(Statement::new(text).bind(self.key_id).bind(self.key_check)).await? {
            0 => Err(MetadataError::Damaged("the cluster's row is gone".to_owned())),
            _ => Ok(()),
        }
    }
}
