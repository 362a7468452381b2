//! Inventories: a bucket's versions listed in compressed files, with a manifest, in another bucket.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::domain::{Bucket, ObjectAttributes, ObjectKey, VersionName};
use crate::events::{Inventory, ListFile, Listed};
use crate::metadata::{WalkPosition, WalkedVersion};
use crate::objects::Objects;
use crate::objects::error::ObjectsError;

/// What a key has encoded.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Versions read in one query.
const PAGE: usize = 1_000;

/// Compressed bytes of one file; more begin another.
const FILE_BYTES_MAX: usize = 8 << 20;

impl Objects {
    /// Makes one inventory of a bucket.
    ///
    /// # Errors
    /// `NoSuchBucket` when the destination is gone or somebody else's; `Unavailable` when backends or the database are away.
    pub async fn make_inventory(&self, bucket: &Arc<Bucket>, inventory: &Inventory) -> Result<(), ObjectsError> {
        let name = inventory.destination.parse().map_err(|_| ObjectsError::NoSuchBucket)?;
        let target = self.inner.metadata.bucket(&name).await?.ok_or(ObjectsError::NoSuchBucket)?;
        if target.owner != bucket.owner {
            return Err(ObjectsError::NoSuchBucket);
        }
        let now = self.inner.id_generator.now();
        let filter = inventory.filter.clone().unwrap_or_default().into_bytes();
        let mut position = WalkPosition { key: filter.clone(), seq: Some(i64::MAX) };
        let (mut files, mut file) = (Vec::new(), begin());
        loop {
            let page = self.inner.metadata.walk_versions(bucket.id, &position, PAGE).await?;
            let (page, ended) = (page.versions, page.ended);
            let inside = page.iter().take_while(|version| version.key.as_bytes().starts_with(&filter)).count();
            for version in page.iter().take(inside).filter(|version| wanted(inventory, version)) {
                let line = line(bucket, inventory, version);
                file.write_all(line.as_bytes()).map_err(|error| ObjectsError::Internal(error.to_string()))?;
            }
            if file.get_ref().len() >= FILE_BYTES_MAX {
                files.push(self.write_list(&target, bucket, inventory, std::mem::replace(&mut file, begin())).await?);
            }
            match page.last() {
                Some(last) if !ended && inside == page.len() => {
                    position = WalkPosition { key: last.key.as_bytes().to_vec(), seq: Some(last.seq) };
                }
                _ => break,
            }
        }
        files.push(self.write_list(&target, bucket, inventory, file).await?);
        let manifest = Bytes::from(inventory.manifest(bucket.name.as_str(), now, &files));
        let digest = hex::encode(Md5::digest(&manifest));
        let (manifest_key, checksum_key) =
            (inventory.manifest_key(bucket.name.as_str(), now), inventory.checksum_key(bucket.name.as_str(), now));
        self.write_file(&target, manifest_key, "application/json", manifest).await?;
        self.write_file(&target, checksum_key, "text/plain", Bytes::from(digest)).await
    }

    async fn write_list(
        &self,
        target: &Arc<Bucket>,
        bucket: &Bucket,
        inventory: &Inventory,
        file: GzEncoder<Vec<u8>>,
    ) -> Result<ListFile, ObjectsError> {
        let bytes = Bytes::from(file.finish().map_err(|error| ObjectsError::Internal(error.to_string()))?);
        let half = || u128::from(self.inner.id_generator.unique());
        let unique = (half() << 64) | half();
        let key = inventory.file_key(bucket.name.as_str(), unique);
        let listed = ListFile { key: key.clone(), size: bytes.len() as u64, md5: hex::encode(Md5::digest(&bytes)) };
        self.write_file(target, key, "application/gzip", bytes).await?;
        Ok(listed)
    }

    async fn write_file(
        &self,
        target: &Arc<Bucket>,
        key: String,
        content_type: &str,
        body: Bytes,
    ) -> Result<(), ObjectsError> {
        let key = ObjectKey::new(key).map_err(|error| ObjectsError::Internal(error.to_string()))?;
        let attributes =
            ObjectAttributes { content_type: Some(content_type.to_owned()), ..ObjectAttributes::default() };
        self.put_own(target.clone(), key, attributes, body).await
    }
}

fn begin() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::default())
}

fn wanted(inventory: &Inventory, version: &WalkedVersion) -> bool {
    inventory.all_versions || (version.current && !version.marker)
}

fn line(bucket: &Bucket, inventory: &Inventory, version: &WalkedVersion) -> String {
    let name = if version.null { VersionName::Null } else { VersionName::Id(version.id) };
    let listed = Listed {
        key: &encoded(version.key.as_bytes()),
        version: &name.to_string(),
        latest: version.current,
        marker: version.marker,
        size: version.size,
        modified_at: version.modified_at,
        etag: &version.etag.to_string(),
        class: version.attributes.as_ref().map_or("", ObjectAttributes::class),
        parts: version.etag.parts.is_some(),
        checksum: version.checksum.map_or("", |algorithm| algorithm.name()),
    };
    inventory.line(bucket.name.as_str(), &listed)
}

/// A key as inventories show it: encoded as in a URL.
fn encoded(key: &[u8]) -> String {
    percent_encode(key, KEY).to_string()
}
