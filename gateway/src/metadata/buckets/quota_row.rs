//! The row of a quota: what it is over, its limits and its running sums.

use crate::domain::{BucketId, UserId};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::statement::Value;
use crate::metadata::error::{MetadataError, Result};

/// What a quota is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaScope {
    /// One bucket.
    Bucket(BucketId),
    /// All buckets of a user.
    User(UserId),
}

impl QuotaScope {
    /// Its columns: scope and id.
    pub(crate) fn values(self) -> [Value; 2] {
        match self {
            Self::Bucket(id) => ["bucket".into(), id.0.into()],
            Self::User(id) => ["user".into(), id.0.into()],
        }
    }
}

/// The limits; none for unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Bytes of content, in all versions and in the parts of uploads under way.
    pub bytes: Option<u64>,
    /// Versions that are no delete markers. Of delete markers and unfinished uploads together there may be as many, and at
    /// least 100.
    pub objects: Option<u64>,
}

/// So many delete markers and unfinished uploads may be there together under any limit of objects: who holds as many objects as
/// allowed can still delete some.
pub(crate) const EXTRAS_MIN: i64 = 100;

impl QuotaLimits {
    /// The most delete markers and unfinished uploads together.
    #[must_use]
    pub fn extras(&self) -> Option<u64> {
        self.objects.map(|most| most.max(EXTRAS_MIN.unsigned_abs()))
    }
}

/// A quota and what is there under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The most.
    pub limits: QuotaLimits,
    /// Bytes there are.
    pub bytes: u64,
    /// Objects there are.
    pub objects: u64,
    /// Delete markers and unfinished uploads there are.
    pub extras: u64,
}

/// A quota as a commit sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuotaFact {
    pub bytes_max: Option<i64>,
    pub objects_max: Option<i64>,
    pub bytes: i64,
    pub objects: i64,
    /// Delete markers and unfinished uploads.
    pub extras: i64,
}

impl QuotaFact {
    /// The most delete markers and unfinished uploads.
    pub(crate) fn extras_max(&self) -> Option<i64> {
        self.objects_max.map(|most| most.max(EXTRAS_MIN))
    }
}

/// What the sums of a quota change by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuotaChange {
    pub bytes: i64,
    pub objects: i64,
    /// Delete markers and unfinished uploads.
    pub extras: i64,
}

/// The columns of a row, as [`read`] takes them.
pub(crate) const COLUMNS: &str = "scope, id, bytes_max, objects_max, bytes, objects, extras";

/// A row of [`COLUMNS`].
pub(crate) fn read(row: &Row) -> Result<(QuotaScope, QuotaFact)> {
    let id = row.int(1)?;
    let scope = match row.text(0)? {
        "bucket" => QuotaScope::Bucket(BucketId(id)),
        "user" => QuotaScope::User(UserId(id)),
        other => return Err(MetadataError::Damaged(format!("a quota over a {other}"))),
    };
    let (bytes_max, objects_max) = (row.number_if_any(2)?, row.number_if_any(3)?);
    let (bytes, objects, extras) = (row.int(4)?, row.int(5)?, row.int(6)?);
    Ok((scope, QuotaFact { bytes_max, objects_max, bytes, objects, extras }))
}
