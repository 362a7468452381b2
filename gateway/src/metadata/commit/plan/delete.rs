//! Deleting an object or one of its versions.

use std::borrow::Cow;

use crate::domain::{ETag, ObjectAttributes, Timestamp, Version, VersionLock, VersionName, Versioning, WriteCondition};
use crate::metadata::commit::change::{DeleteChange, NewMarker, OnlyVersion};
use crate::metadata::commit::facts::KeyLocation;
use crate::metadata::commit::outcome::{Deleted, Outcome, Refusal};
use crate::metadata::commit::plan::chain::VersionView;
use crate::metadata::commit::plan::planned::PlannedVersion;
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::Result;

impl OnlyVersion {
    /// Whether this is the version, as it was seen.
    fn is(&self, view: &VersionView) -> bool {
        view.id == self.id && self.etag.is_none_or(|etag| etag == view.etag)
    }
}

impl<'a> Planner<'a> {
    pub(super) fn delete(&mut self, delete: &'a DeleteChange) -> Result<Outcome> {
        if let Some(name) = delete.selector.name() {
            return self.delete_version(delete, name);
        }
        let fact = match self.check_condition(delete.bucket, &delete.key, &delete.condition) {
            Ok(fact) => fact,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let location = (delete.bucket, delete.key.clone());
        if let Some(only) = &delete.only
            && (self.view(&location, 0).is_none_or(|view| !only.is(&view)) || !self.has_tags(only))
        {
            return Ok(Outcome::Refused(Refusal::PreconditionFailed));
        }
        let existed = self.view(&location, 0).is_some_and(|view| !view.marker);
        let replaced = self.replaced(&location, fact.versioning);
        if fact.versioning != Versioning::Never {
            let goes = replaced.and_then(|at| self.view(&location, at)).is_some_and(|view| view.marker);
            if !self.fits_extras(delete.bucket, fact, 1 - i64::from(goes)) {
                return Ok(Outcome::Refused(Refusal::QuotaExceeded));
            }
        }
        if let Some(at) = replaced
            && let Some(refusal) = self.remove(&location, at, false)?
        {
            return Ok(Outcome::Refused(refusal));
        }
        let deleted = match fact.versioning {
            Versioning::Never => Deleted { existed, marker: false, name: None },
            Versioning::Enabled => Deleted { existed, marker: true, name: Some(self.mark(delete, false)) },
            Versioning::Suspended => Deleted { existed, marker: true, name: Some(self.mark(delete, true)) },
        };
        Ok(Outcome::Deleted(deleted))
    }

    /// Removes one version for good. That there is none is no error: it is gone all the same.
    fn delete_version(&mut self, delete: &DeleteChange, name: VersionName) -> Result<Outcome> {
        if !self.facts.buckets.contains_key(&delete.bucket) {
            return Ok(Outcome::Refused(Refusal::NoSuchBucket));
        }
        let location = (delete.bucket, delete.key.clone());
        let found = self.position(&location, delete.selector);
        let view = found.and_then(|at| self.view(&location, at));
        if let Some(only) = &delete.only
            && (view.is_none_or(|view| !only.is(&view)) || (found == Some(0)) != only.current || !self.has_tags(only))
        {
            return Ok(Outcome::Refused(Refusal::PreconditionFailed));
        }
        if delete.condition != WriteCondition::None
            && let Err(unmet) = delete.condition.check(view.and_then(|view| view.tag()))
        {
            return Ok(Outcome::Refused(unmet.into()));
        }
        let mut deleted = Deleted { existed: false, marker: false, name: Some(name) };
        if let (Some(at), Some(view)) = (found, view) {
            if let Some(refusal) = self.remove(&location, at, delete.bypass)? {
                return Ok(Outcome::Refused(refusal));
            }
            deleted = Deleted { existed: true, marker: view.marker, ..deleted };
        }
        Ok(Outcome::Deleted(deleted))
    }

    /// Whether the one version that may be deleted has the tags it must have, if any are asked for.
    fn has_tags(&self, only: &OnlyVersion) -> bool {
        let Some(tags) = &only.tags else { return true };
        let amended = self.amended.get(&only.id).and_then(|amended| amended.attributes.as_ref());
        amended.or_else(|| self.facts.attributes.get(&only.id)).is_some_and(|attributes| attributes.tags == *tags)
    }

    /// Removes a version unless it is locked.
    fn remove(&mut self, location: &KeyLocation, at: usize, bypass: bool) -> Result<Option<Refusal>> {
        let lock = self.view(location, at).map_or(VersionLock::NONE, |view| view.lock);
        if lock != VersionLock::NONE && !lock.may_remove(Timestamp(self.facts.fenced_now()?), bypass) {
            return Ok(Some(Refusal::Locked));
        }
        self.remove_version(location, at)?;
        Ok(None)
    }

    /// Makes a delete marker the current version.
    fn mark(&mut self, delete: &DeleteChange, null: bool) -> VersionName {
        let NewMarker { id, modified_at } = delete.marker;
        let version = Version {
            id,
            null,
            lock: VersionLock::NONE,
            key: delete.key.clone(),
            size: 0,
            etag: ETag::of_content([0; 16]),
            modified_at,
            attributes: ObjectAttributes::default(),
            checksum: None,
            extents: Vec::new(),
        };
        let name = version.name();
        let (version, parts) = (Cow::Owned(version), Cow::Borrowed(&[][..]));
        let (bucket, extents) = (delete.bucket, Vec::new());
        self.flow(bucket).extras += 1;
        self.push(PlannedVersion { bucket, version, extents, parts, encoded_bytes: 0, marker: true, current: false });
        name
    }
}
