//! Commits what came after the journal's end.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use codec::{BlobId, CatalogTarget};

use crate::domain::{
    BucketName, ObjectKey, Part, PartNumber, Timestamp, UploadId, Version, VersionId, VersionLock, VersionLookup,
    VersionSelector,
};
use crate::journal::tag::BlobPurpose;
use crate::metadata::{Batch, Change, MetadataStore, NewBlob, Outcome, PartChange, PutChange};
use crate::recover::blob::read_blob;
use crate::recover::imports::{LateBlob, LateObject, begun_at, late_objects};
use crate::recover::scan::scan;
use crate::recover::{Rebuilt, Recovery, RecoveryError};

impl Recovery {
    /// Finds blobs that were begun after the snapshot and that neither the database nor the journal knows, and makes what they hold part of
    /// the database again, where nothing newer stands in its place. The report names each.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn import_late(
        &self,
        store: &MetadataStore,
        incarnation: u32,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), RecoveryError> {
        // A database as it was at some time has no use for what came after it.
        if self.until.is_some() {
            return Ok(());
        }
        let since = rebuilt.taken_at;
        // What compaction took over is in other blobs too, whose objects may have other names by now or be gone.
        let brings_nothing = [BlobPurpose::Journal, BlobPurpose::Compaction];
        let is_late = |blob: &BlobId| {
            begun_at(blob) >= since && !brings_nothing.iter().any(|purpose| purpose.is_of(blob, &self.key))
        };
        let found = scan(&self.sources, is_late).await;
        let (mut blobs, mut late) = (HashMap::new(), Vec::new());
        for (id, slivers) in found.blobs {
            if rebuilt.deleted.contains(&id) || store.blob(&id).await?.is_some() {
                continue;
            }
            rebuilt.report.late_blobs += 1;
            match read_blob(&self.sources, self.cluster, &self.key, id, &slivers, true).await {
                Ok(read) => {
                    let degraded = read.blob.placements.len() < read.blob.layout.shape.scheme.n();
                    let quilt = read.catalog.entries.len() > 1;
                    blobs.insert(id, NewBlob { blob: read.blob, degraded, quilt });
                    late.push(LateBlob { id, entries: read.catalog.entries, degraded });
                }
                Err(reason) => rebuilt.report.incomplete.push(format!("blob {id}: {reason}")),
            }
        }
        let (objects, incomplete) = late_objects(&late);
        rebuilt.report.incomplete.extend(incomplete);
        let mut imported = HashSet::new();
        for object in objects {
            let name = format!("{}/{}", object.bucket, String::from_utf8_lossy(&object.key));
            let target = object.target;
            match import(store, incarnation, object, &mut blobs, &imported).await? {
                Ok(()) => {
                    imported.insert(target);
                    rebuilt.report.imported.push(name);
                }
                Err(reason) => rebuilt.report.conflicts.push(format!("{name}: {reason}")),
            }
        }
        Ok(())
    }
}

/// Commits one object; the inner error is why the database as it is has no place for it.
async fn import(
    store: &MetadataStore,
    incarnation: u32,
    object: LateObject,
    blobs: &mut HashMap<BlobId, NewBlob>,
    imported: &HashSet<CatalogTarget>,
) -> Result<Result<(), String>, RecoveryError> {
    let Ok(key) = ObjectKey::new(Bytes::from(object.key.clone())) else {
        return Ok(Err("it has no possible key".to_owned()));
    };
    let new = object.extents.iter().filter_map(|extent| blobs.get(&extent.blob)).cloned();
    let mut new: Vec<NewBlob> = new.collect();
    new.dedup_by_key(|new| new.blob.id);
    let change: Change = match object.target {
        CatalogTarget::Version(id) => {
            let id = VersionId(id);
            match version(store, id, key, object, imported).await? {
                Ok(change) => change.into(),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        CatalogTarget::Part { upload, number } => match part(upload, number, object) {
            Ok(change) => change.into(),
            Err(reason) => return Ok(Err(reason)),
        },
    };
    let ids: Vec<_> = new.iter().map(|new| new.blob.id).collect();
    let outcomes = store.commit(incarnation, Batch { blobs: new, changes: vec![change] }).await?;
    Ok(match outcomes.first() {
        Some(Outcome::Refused(refusal)) => Err(format!("{refusal:?}")),
        _ => {
            // They are in the database now.
            ids.iter().for_each(|id| drop(blobs.remove(id)));
            Ok(())
        }
    })
}

async fn version(
    store: &MetadataStore,
    id: VersionId,
    key: ObjectKey,
    object: LateObject,
    imported: &HashSet<CatalogTarget>,
) -> Result<Result<PutChange, String>, RecoveryError> {
    let bucket = match object.bucket.parse::<BucketName>() {
        Ok(name) => store.bucket(&name).await?,
        Err(_) => None,
    };
    let Some(bucket) = bucket else { return Ok(Err("its bucket is not there".to_owned())) };
    for selector in [VersionSelector::Current, VersionSelector::Id(id)] {
        if let VersionLookup::Version(known) = store.find(bucket.id, &key, selector).await? {
            if known.id == id {
                return Ok(Err("it is there, with its bytes elsewhere".to_owned()));
            }
            // Those that were taken over before were committed before.
            let is_imported = imported.contains(&CatalogTarget::Version(known.id.0));
            if !is_imported && known.modified_at.0 > object.modified_at {
                return Ok(Err("a newer version is there".to_owned()));
            }
        }
    }
    let version = Version {
        id,
        null: true,
        lock: VersionLock::NONE,
        key,
        size: object.size,
        etag: object.etag,
        modified_at: Timestamp(object.modified_at),
        attributes: object.attributes,
        checksum: None,
        extents: object.extents,
    };
    let (bucket, parts, condition) = (bucket.id, Vec::new(), object.condition);
    Ok(Ok(PutChange { bucket, version, parts, condition, source: None, events: Vec::new() }))
}

fn part(upload: [u8; 16], number: u16, object: LateObject) -> Result<PartChange, String> {
    if object.attributes.encryption.is_some() {
        return Err("a part of an enciphered upload: send it again".to_owned());
    }
    let number = PartNumber::new(number.into()).map_err(|_| "it has no possible number".to_owned())?;
    let (upload, modified_at) = (UploadId(upload), Timestamp(object.modified_at));
    let part = Part {
        number,
        size: object.size,
        etag: object.etag,
        checksum: None,
        modified_at,
        extents: object.extents,
        salt: None,
    };
    Ok(PartChange { upload, part, source: None })
}
