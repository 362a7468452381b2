//! Changing the attributes or the lock of a version.

use crate::domain::{ObjectAttributes, Timestamp, VersionLock, VersionSelector, Versioning};
use crate::metadata::commit::change::{AmendChange, Amendment};
use crate::metadata::commit::facts::{BucketFact, KeyLocation, VersionFact};
use crate::metadata::commit::outcome::{Outcome, Refusal};
use crate::metadata::commit::plan::chain::RowOrPlanned;
use crate::metadata::commit::plan::planned::{Amended, VersionRow};
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::{MetadataError, Result};

impl<'a> Planner<'a> {
    pub(super) fn amend(&mut self, amend: &'a AmendChange) -> Result<Outcome> {
        let Some(fact) = self.facts.buckets.get(&amend.bucket).copied() else {
            return Ok(Outcome::Refused(Refusal::NoSuchBucket));
        };
        let location = (amend.bucket, amend.key.clone());
        let absent = match amend.selector {
            VersionSelector::Current => Refusal::NoSuchKey,
            VersionSelector::Null | VersionSelector::Id(_) => Refusal::NoSuchVersion,
        };
        let found = self.position(&location, amend.selector);
        let Some((at, view)) = found.and_then(|at| Some((at, self.view(&location, at)?))) else {
            return Ok(Outcome::Refused(absent));
        };
        if view.marker {
            return Ok(Outcome::Refused(Refusal::IsMarker));
        }
        if amend.only.is_some_and(|only| only != (view.id, view.etag)) {
            return Ok(Outcome::Refused(Refusal::PreconditionFailed));
        }
        let lock = match self.locked_by(&amend.amendment, fact, view.lock)? {
            Ok(lock) => lock,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let edited = match self.chain(&location).0.get(at).copied() {
            Some(RowOrPlanned::Row(row)) => self.amend_row(&location, row, &amend.amendment, lock)?,
            Some(RowOrPlanned::Planned(index)) => {
                let planned = self.versions.get_mut(index).and_then(Option::as_mut);
                planned.is_some_and(|planned| {
                    let version = planned.version.to_mut();
                    version.lock = lock;
                    edit(&amend.amendment, &mut version.attributes)
                })
            }
            None => false,
        };
        let name = (fact.versioning != Versioning::Never).then(|| view.name());
        Ok(Outcome::Amended { name, changed: edited || lock != view.lock, size: view.size, etag: view.etag })
    }

    /// The version's lock after the amendment.
    fn locked_by(
        &self,
        amendment: &Amendment,
        bucket: BucketFact,
        lock: VersionLock,
    ) -> Result<std::result::Result<VersionLock, Refusal>> {
        let wanted = match amendment {
            Amendment::Attributes(_) => return Ok(Ok(lock)),
            Amendment::LegalHold(on) => VersionLock { legal_hold: Some(*on), ..lock },
            Amendment::Retention { retention, bypass } => {
                if !lock.may_retain(*retention, Timestamp(self.facts.fenced_now()?), *bypass) {
                    return Ok(Err(Refusal::Locked));
                }
                VersionLock { retention: *retention, ..lock }
            }
        };
        Ok(if bucket.lock.is_some() { Ok(wanted) } else { Err(Refusal::NoObjectLock) })
    }

    /// Whether its attributes changed.
    fn amend_row(
        &mut self,
        location: &KeyLocation,
        row: &VersionFact,
        amendment: &Amendment,
        lock: VersionLock,
    ) -> Result<bool> {
        let facts = self.facts;
        let amended = self.amended.entry(row.id).or_insert_with(|| Amended {
            row: VersionRow::of(location, row.seq),
            attributes: None,
            lock,
            relocked: false,
        });
        amended.lock = lock;
        amended.relocked |= !matches!(amendment, Amendment::Attributes(_));
        let mut changed = false;
        if let Amendment::Attributes(_) = amendment {
            let missing = || MetadataError::Damaged("the attributes of an amended version were not read".to_owned());
            let mut attributes = match amended.attributes.take() {
                Some(attributes) => attributes,
                None => facts.attributes.get(&row.id).cloned().ok_or_else(missing)?,
            };
            changed = edit(amendment, &mut attributes);
            amended.attributes = Some(attributes);
        }
        Ok(changed)
    }
}

/// Applies an edit; whether it changed anything.
fn edit(amendment: &Amendment, attributes: &mut ObjectAttributes) -> bool {
    let Amendment::Attributes(edit) = amendment else { return false };
    let before = attributes.clone();
    (edit.0)(attributes);
    *attributes != before
}
