//! Appending to an object.

use std::borrow::Cow;

use crate::domain::{Checksum, Extent, ObjectAttributes, Version, Versioning};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::change::AppendChange;
use crate::metadata::commit::facts::KeyLocation;
use crate::metadata::commit::outcome::{Appended, Outcome, Refusal};
use crate::metadata::commit::plan::chain::RowOrPlanned;
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::{MetadataError, Result};

/// What an object is before something is appended.
struct Before {
    attributes: ObjectAttributes,
    checksum: Option<Checksum>,
    extents: Vec<Extent>,
    encoded_bytes: u64,
}

impl<'a> Planner<'a> {
    /// The version is replaced by one that has its extents and then the new ones; no byte moves. Where there is nothing, an
    /// append at 0 is a write.
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
        let (Some(view), Some(before)) = (view, self.before(&location)?) else {
            let parts = Cow::Borrowed(&[][..]);
            self.insert_current(append.bucket, fact, Cow::Borrowed(new), new.extents.clone(), parts, None)?;
            return Ok(Outcome::Appended(Appended { size: new.size, etag: new.etag }));
        };
        if before.attributes.encryption.is_some() {
            return Ok(Outcome::Refused(Refusal::Enciphered));
        }
        let Some(etag) = view.etag.appended(new.etag.md5) else {
            return Ok(Outcome::Refused(Refusal::TooManyParts));
        };
        let encoded_bytes = before.encoded_bytes.saturating_add(self.balance.encoded(&new.extents)?);
        self.remove_version(&location, 0)?;
        let size = view.size.saturating_add(new.size);
        let checksum = before.checksum.as_ref().zip(new.checksum.as_ref());
        let checksum = checksum.and_then(|(before, new_sum)| before.followed_by(new_sum, new.size));
        let version = Version { size, etag, checksum, attributes: before.attributes, ..new.clone() };
        let extents = [before.extents, new.extents.clone()].concat();
        self.insert_current(
            append.bucket,
            fact,
            Cow::Owned(version),
            extents,
            Cow::Borrowed(&[]),
            Some(encoded_bytes),
        )?;
        Ok(Outcome::Appended(Appended { size, etag }))
    }

    /// What is there now.
    fn before(&mut self, location: &KeyLocation) -> Result<Option<Before>> {
        let facts = self.facts;
        match self.chain(location).0.first().copied() {
            None => Ok(None),
            Some(RowOrPlanned::Row(row)) => {
                let amended_attributes = self.amended.get(&row.id).and_then(|amended| amended.attributes.as_ref());
                let attributes = amended_attributes.or_else(|| facts.attributes.get(&row.id)).cloned();
                let missing = || MetadataError::Damaged("the version to append to was not read".to_owned());
                Ok(Some(Before {
                    attributes: attributes.ok_or_else(missing)?,
                    checksum: facts.checksums.get(&row.id).cloned(),
                    extents: facts.extents.get(&ExtentOwner(row.id.0)).cloned().unwrap_or_default(),
                    encoded_bytes: row.encoded_bytes,
                }))
            }
            Some(RowOrPlanned::Planned(index)) => {
                Ok(self.versions.get(index).and_then(Option::as_ref).map(|planned| Before {
                    attributes: planned.version.attributes.clone(),
                    checksum: planned.version.checksum.clone(),
                    extents: planned.extents.clone(),
                    encoded_bytes: planned.encoded_bytes,
                }))
            }
        }
    }
}
