//! A plan: the rows to remove, to change and to insert.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use codec::BlobId;

use crate::domain::{
    BucketId, Checksum, DeleteMarker, ETag, Extent, ObjectAttributes, ObjectKey, Part, PartNumber, Timestamp, UploadId,
    Version, VersionId, VersionLock, VersionLookup, VersionPart,
};
use crate::metadata::blobs::owned_extent::{ExtentMove, ExtentOwner};
use crate::metadata::buckets::quota_row::{QuotaChange, QuotaScope};
use crate::metadata::commit::change::NewBlob;
use crate::metadata::commit::facts::{KeyLocation, MeteredFact};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::objects::version_cache::VersionCache;

/// Rows to remove, to change and to insert. Applying it decides nothing.
#[derive(Debug, Default)]
pub(in crate::metadata) struct Plan<'a> {
    /// Versions that go, by primary key.
    pub removed_versions: Vec<VersionRow>,
    /// Those of them that have rows in `version_part`.
    pub removed_version_parts: Vec<VersionId>,
    /// Parts that go.
    pub removed_parts: Vec<(UploadId, PartNumber)>,
    /// Uploads that go.
    pub removed_uploads: Vec<UploadId>,
    /// Whose rows in `extent` go.
    pub removed_owners: Vec<ExtentOwner>,
    /// Versions and uploads that go now, and of which the rest follows step by step.
    pub left_behind: Vec<LeftBehind>,
    /// Versions that stay and are no longer current.
    pub demoted: Vec<VersionRow>,
    /// Versions that become current because the newer ones went.
    pub promoted: Vec<VersionRow>,
    /// Versions that come, the older of a key before the newer.
    pub versions: Vec<PlannedVersion<'a>>,
    /// Versions of which something else is said from now on.
    pub amended: Vec<Amended>,
    /// Versions of which there is more from now on.
    pub appended: Vec<AppendedVersion>,
    /// Parts that come.
    pub parts: Vec<PlannedPart<'a>>,
    /// Extents of records of the journal.
    pub held: Vec<(ExtentOwner, Vec<Extent>)>,
    /// Extents that are the same bytes elsewhere, and whether each is in its version's own row.
    pub moves: Vec<(ExtentMove, bool)>,
    /// What is metered for the owners of extents that move, from now on.
    pub remetered: BTreeMap<ExtentOwner, (MeteredFact, u64)>,
    /// Blobs that come, with the bytes that live in them.
    pub blobs: Vec<(&'a NewBlob, u64)>,
    /// Blobs that were there, with the bytes that live in them now.
    pub live_bytes: Vec<(BlobId, u64)>,
    /// Blobs in which nothing lives from now on, new ones included.
    pub died: Vec<BlobId>,
    /// What to meter.
    pub flows: BTreeMap<BucketId, Flow>,
    /// What quotas' sums change by.
    pub sums: BTreeMap<QuotaScope, QuotaChange>,
    /// Keys that were looked at and hold nothing in the end.
    pub emptied: Vec<KeyLocation>,
}

/// What went and has left extents, parts of a version or parts of an upload behind, which are removed step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metadata) enum LeftBehind {
    /// By a version.
    Version(VersionId),
    /// By an upload.
    Upload(UploadId),
}

/// The primary key of a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::metadata) struct VersionRow {
    pub bucket: BucketId,
    pub key: ObjectKey,
    pub seq: i64,
}

impl VersionRow {
    /// The row with this number among those of a key.
    pub(super) fn of(location: &KeyLocation, seq: i64) -> Self {
        Self { bucket: location.0, key: location.1.clone(), seq }
    }
}

/// Bytes and objects that a change adds, as a quota counts them.
#[derive(Clone, Copy, Debug)]
pub(in crate::metadata) struct Growth {
    pub bytes: i128,
    pub objects: i64,
}

/// A version to insert.
#[derive(Clone, Debug)]
pub(in crate::metadata) struct PlannedVersion<'a> {
    pub bucket: BucketId,
    pub version: Cow<'a, Version>,
    /// The version's, or what compaction has made of them.
    pub extents: Vec<Extent>,
    pub parts: Cow<'a, [VersionPart]>,
    pub encoded_bytes: u64,
    /// It says that there is no object.
    pub marker: bool,
    /// It is the newest in the end.
    pub current: bool,
}

impl PlannedVersion<'_> {
    /// The one extent, which is kept in the version's own row.
    pub(in crate::metadata::commit) fn inline(&self) -> Option<&Extent> {
        if let [extent] = &*self.extents { Some(extent) } else { None }
    }

    /// What readers find of it, in memory of its own.
    fn found(&self) -> (KeyLocation, VersionLookup) {
        let version = &*self.version;
        let location = (self.bucket, VersionCache::own_key(&version.key));
        let found = if self.marker {
            VersionLookup::Marker(DeleteMarker { name: version.name(), modified_at: version.modified_at })
        } else {
            VersionLookup::Version(Arc::new(Version { extents: self.extents.clone(), ..VersionCache::own(version) }))
        };
        (location, found)
    }

    /// It is as all versions were before there was versioning.
    pub(in crate::metadata::commit) fn plain(&self) -> bool {
        self.version.null && self.current && !self.marker && self.version.lock == VersionLock::NONE
    }
}

/// A version to change, by primary key.
#[derive(Clone, Debug)]
pub(in crate::metadata) struct Amended {
    pub row: VersionRow,
    /// Its attributes, if they change.
    pub attributes: Option<ObjectAttributes>,
    /// Its lock, changed or not.
    pub lock: VersionLock,
    /// The lock changes.
    pub relocked: bool,
}

/// A version of which there is more from now on.
#[derive(Clone, Debug)]
pub(in crate::metadata) struct AppendedVersion {
    pub row: VersionRow,
    /// Owner of its extents.
    pub owner: ExtentOwner,
    /// How many extents it had.
    pub extents_before: u32,
    /// The one it had in its own row, if it had one.
    pub inline: Option<Extent>,
    /// It had rows in `version_part`, which say nothing true of it any more.
    pub had_parts: bool,
    pub size: u64,
    pub etag: ETag,
    pub checksum: Option<Checksum>,
    pub modified_at: Timestamp,
    pub encoded_bytes: u64,
    /// What it gets.
    pub extents: Vec<Extent>,
}

impl AppendedVersion {
    /// How many extents it has from now on.
    pub(in crate::metadata::commit) fn extent_count(&self) -> usize {
        usize::try_from(self.extents_before).unwrap_or(usize::MAX).saturating_add(self.extents.len())
    }

    /// The one extent it has in its own row from now on, if it has one.
    pub(in crate::metadata::commit) fn inline_now(&self) -> Option<&Extent> {
        if self.extent_count() != 1 {
            return None;
        }
        self.inline.as_ref().or_else(|| self.extents.first())
    }

    /// The extents that get rows of their own, with their places.
    pub(in crate::metadata::commit) fn extents_apart(&self) -> Vec<(usize, Extent)> {
        if self.extent_count() < 2 {
            return Vec::new();
        }
        let left = self.inline.iter().copied().map(|extent| (0, extent));
        let first = usize::try_from(self.extents_before).unwrap_or(usize::MAX);
        left.chain(self.extents.iter().copied().enumerate().map(|(at, extent)| (first + at, extent))).collect()
    }
}

/// A part to insert.
#[derive(Clone, Debug)]
pub(in crate::metadata) struct PlannedPart<'a> {
    pub upload: UploadId,
    pub id: ExtentOwner,
    pub part: &'a Part,
    pub encoded_bytes: u64,
}

/// Bytes and objects that came to and went from a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::metadata) struct Flow {
    pub encoded_added: u64,
    pub encoded_removed: u64,
    /// Of what came, that which was encoded for a client: not what was copied, moved or given another name.
    pub encoded_written: u64,
    pub content_added: u64,
    pub content_removed: u64,
    /// Versions that are no markers.
    pub objects: i64,
    /// Delete markers and unfinished uploads.
    pub extras: i64,
}

impl Plan<'_> {
    /// What keys hold after this plan, where the plan alone says it: those that got a version, and those that lost all
    /// they had.
    pub(in crate::metadata) fn known(&self) -> Vec<(KeyLocation, VersionLookup)> {
        let record_added = self.versions.iter().filter(|planned| planned.current).map(PlannedVersion::found);
        let own = |location: &KeyLocation| (location.0, VersionCache::own_key(&location.1));
        record_added.chain(self.emptied.iter().map(|location| (own(location), VersionLookup::Nothing))).collect()
    }
}

impl Flow {
    /// Whether any bytes came or went.
    pub(in crate::metadata::commit) fn has_bytes(&self) -> bool {
        [self.encoded_added, self.encoded_removed, self.content_added, self.content_removed]
            .iter()
            .any(|bytes| *bytes > 0)
    }

    pub(super) fn record_added(&mut self, encoded: u64, content: u64) {
        self.encoded_added = self.encoded_added.saturating_add(encoded);
        self.content_added = self.content_added.saturating_add(content);
    }

    pub(super) fn record_written(&mut self, encoded: u64) {
        self.encoded_written = self.encoded_written.saturating_add(encoded);
    }

    pub(super) fn record_removed(&mut self, encoded: u64, content: u64) {
        self.encoded_removed = self.encoded_removed.saturating_add(encoded);
        self.content_removed = self.content_removed.saturating_add(content);
    }
}

/// That extents are as long as their content.
pub(super) fn check_sum(extents: &[Extent], size: u64) -> Result<()> {
    let sum = extents.iter().map(|extent| u128::from(extent.length)).sum::<u128>();
    if sum == u128::from(size) {
        Ok(())
    } else {
        Err(MetadataError::Damaged(format!("extents of {sum} bytes for content of {size}")))
    }
}
