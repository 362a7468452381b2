//! Appending to an object: its row says more than before, and the new extents follow those that are there, which are not looked at.

use std::borrow::Cow;

use crate::domain::{Checksum, ETag, ObjectAttributes, Version, Versioning};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::change::AppendChange;
use crate::metadata::commit::facts::{BucketFact, KeyLocation, VersionFact};
use crate::metadata::commit::outcome::{Appended, Outcome, Refusal};
use crate::metadata::commit::plan::chain::{RowOrPlanned, VersionView};
use crate::metadata::commit::plan::planned::{AppendedVersion, PlannedVersion, VersionRow};
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::{MetadataError, Result};

/// What is said of an object when something was appended to it.
struct Longer {
    size: u64,
    etag: ETag,
    checksum: Option<Checksum>,
}

impl<'a> Planner<'a> {
    /// The version gets more extents; no byte moves. Where there is nothing, an append at 0 is a write.
    pub(super) fn append(&mut self, append: &'a AppendChange) -> Result<Outcome> {
        let new = &append.version;
        let fact = match self.check_condition(append.bucket, &new.key, &append.condition) {
            Ok(fact) => fact,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        if fact.versioning != Versioning::Never {
            return Ok(Outcome::Refused(Refusal::Versioned));
        }
        let location = (append.bucket, new.key.clone());
        let view = self.view(&location, 0);
        if view.map_or(0, |view| view.size) != append.offset {
            return Ok(Outcome::Refused(Refusal::InvalidWriteOffset));
        }
        if !self.balance.can_hold(&new.extents)? {
            return Ok(Outcome::Refused(Refusal::SourceGone));
        }
        if !self.fits_quota(append.bucket, fact, i128::from(new.size), i64::from(view.is_none())) {
            return Ok(Outcome::Refused(Refusal::QuotaExceeded));
        }
        let slot = self.chain(&location).0.first().copied();
        let (Some(view), Some(slot)) = (view, slot) else {
            let parts = Cow::Borrowed(&[][..]);
            self.insert_current(append.bucket, fact, Cow::Borrowed(new), new.extents.clone(), parts, None)?;
            return Ok(Outcome::Appended(Appended { size: new.size, etag: new.etag }));
        };
        let (attributes, checksum) = self.said_of(slot)?;
        if attributes.encryption.is_some() {
            return Ok(Outcome::Refused(Refusal::Enciphered));
        }
        let Some(longer) = longer(view, checksum.as_ref(), new) else {
            return Ok(Outcome::Refused(Refusal::TooManyParts));
        };
        let appended = Appended { size: longer.size, etag: longer.etag };
        match slot {
            RowOrPlanned::Row(row) => self.append_to_row(&location, row, new, longer)?,
            RowOrPlanned::Planned(_) => self.append_to_planned(&location, fact, (attributes, longer), new)?,
        }
        Ok(Outcome::Appended(appended))
    }

    /// Attributes and checksum of a version as they are now.
    fn said_of(&self, slot: RowOrPlanned<'a, VersionFact>) -> Result<(ObjectAttributes, Option<Checksum>)> {
        let missing = || MetadataError::Damaged("the version to append to was not read".to_owned());
        match slot {
            RowOrPlanned::Row(row) => {
                let amended = self.amended.get(&row.id).and_then(|amended| amended.attributes.as_ref());
                let attributes = amended.or_else(|| self.facts.attributes.get(&row.id)).cloned().ok_or_else(missing)?;
                let checksum = match self.appended.get(&row.id) {
                    Some(appended) => appended.checksum.clone(),
                    None => self.facts.checksums.get(&row.id).cloned(),
                };
                Ok((attributes, checksum))
            }
            RowOrPlanned::Planned(index) => {
                let planned = self.versions.get(index).and_then(Option::as_ref).ok_or_else(missing)?;
                Ok((planned.version.attributes.clone(), planned.version.checksum.clone()))
            }
        }
    }

    fn append_to_row(
        &mut self,
        location: &KeyLocation,
        row: &'a VersionFact,
        new: &Version,
        longer: Longer,
    ) -> Result<()> {
        let encoded = self.balance.encoded(&new.extents)?;
        let written = self.balance.newly_encoded(&new.extents)?;
        self.balance.add(&new.extents);
        let flow = self.flow(location.0);
        flow.record_added(encoded, new.size);
        flow.record_written(written);
        let facts = self.facts;
        let owner = ExtentOwner(row.id.0);
        let inline = facts.extents.get(&owner).filter(|_| facts.inline.contains(&owner));
        let appended = self.appended.entry(row.id).or_insert_with(|| AppendedVersion {
            row: VersionRow::of(location, row.seq),
            owner,
            extents_before: row.extent_count,
            inline: inline.and_then(|extents| extents.first()).copied(),
            had_parts: row.part_count > 0,
            size: row.size,
            etag: row.etag,
            checksum: None,
            modified_at: new.modified_at,
            encoded_bytes: row.encoded_bytes,
            extents: Vec::new(),
        });
        let Longer { size, etag, checksum } = longer;
        (appended.size, appended.etag, appended.checksum) = (size, etag, checksum);
        appended.modified_at = new.modified_at;
        appended.encoded_bytes = appended.encoded_bytes.saturating_add(encoded);
        appended.extents.extend_from_slice(&new.extents);
        Ok(())
    }

    /// To a version that an earlier change of this transaction writes.
    fn append_to_planned(
        &mut self,
        location: &KeyLocation,
        fact: BucketFact,
        (attributes, longer): (ObjectAttributes, Longer),
        new: &Version,
    ) -> Result<()> {
        let Some(RowOrPlanned::Planned(index)) = self.chain(location).0.first().copied() else { return Ok(()) };
        let planned = self.versions.get(index).and_then(Option::as_ref);
        let (before, encoded) = planned
            .map_or((Vec::new(), 0), |PlannedVersion { extents, encoded_bytes, .. }| (extents.clone(), *encoded_bytes));
        let encoded_bytes = encoded.saturating_add(self.balance.encoded(&new.extents)?);
        let written = self.balance.newly_encoded(&new.extents)?;
        self.flow(location.0).record_written(written);
        self.remove_version(location, 0)?;
        let Longer { size, etag, checksum } = longer;
        let version = Version { size, etag, checksum, attributes, ..new.clone() };
        let extents = [before, new.extents.clone()].concat();
        let parts = Cow::Borrowed(&[][..]);
        self.insert_current(location.0, fact, Cow::Owned(version), extents, parts, Some(encoded_bytes))?;
        Ok(())
    }
}

/// What is said of an object with what is appended to it; none when it would have too many pieces.
fn longer(view: VersionView, checksum: Option<&Checksum>, new: &Version) -> Option<Longer> {
    let checksum = checksum.zip(new.checksum.as_ref());
    Some(Longer {
        size: view.size.saturating_add(new.size),
        etag: view.etag.appended(new.etag.md5)?,
        checksum: checksum.and_then(|(before, new_sum)| before.followed_by(new_sum, new.size)),
    })
}
