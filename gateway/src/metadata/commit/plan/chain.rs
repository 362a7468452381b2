//! The version chain of a key while the plan is made: its known versions, newest first.

use crate::domain::{ETag, VersionId, VersionLock, VersionName};
use crate::metadata::commit::facts::VersionFact;

/// A row of the database, or one this plan inserts.
#[derive(Debug)]
pub(super) enum RowOrPlanned<'a, T> {
    /// A row of the database.
    Row(&'a T),
    /// The version or part this plan inserts, by position.
    Planned(usize),
}

impl<T> Clone for RowOrPlanned<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RowOrPlanned<'_, T> {}

/// The versions of a key that are known, newest first: the current one, if there is any, is the first.
#[derive(Debug, Default)]
pub(super) struct Chain<'a>(pub Vec<RowOrPlanned<'a, VersionFact>>);

/// A version as the plan sees it, stored or planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct VersionView {
    pub id: VersionId,
    pub null: bool,
    pub marker: bool,
    pub size: u64,
    pub etag: ETag,
    pub lock: VersionLock,
}

impl VersionView {
    /// What clients call it.
    pub(super) fn name(&self) -> VersionName {
        if self.null { VersionName::Null } else { VersionName::Id(self.id) }
    }

    /// The tag that conditions are about; a marker has none.
    pub(super) fn tag(&self) -> Option<ETag> {
        (!self.marker).then_some(self.etag)
    }

    /// How many objects it counts for.
    pub(super) fn objects(&self) -> i64 {
        i64::from(!self.marker)
    }
}
