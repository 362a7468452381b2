//! Giving an object another key.

use std::borrow::Cow;

use crate::domain::{ObjectAttributes, Version, Versioning};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::change::RenameChange;
use crate::metadata::commit::outcome::{Outcome, Refusal};
use crate::metadata::commit::plan::chain::RowOrPlanned;
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::{MetadataError, Result};

impl<'a> Planner<'a> {
    /// The version moves from one key to the other, with the same extents and its current attributes, but for its encryption.
    pub(super) fn rename(&mut self, rename: &'a RenameChange) -> Result<Outcome> {
        let fact = match self.check_condition(rename.bucket, &rename.to, &rename.condition) {
            Ok(fact) => fact,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        if fact.versioning != Versioning::Never {
            return Ok(Outcome::Refused(Refusal::Versioned));
        }
        let from = (rename.bucket, rename.version.key.clone());
        let row = match self.chain(&from).0.first() {
            None => return Ok(Outcome::Refused(Refusal::NoSuchKey)),
            Some(RowOrPlanned::Row(row)) if row.id == rename.version.id => *row,
            Some(RowOrPlanned::Row(_) | RowOrPlanned::Planned(_)) => return Ok(Outcome::Refused(Refusal::SourceGone)),
        };
        // An append leaves the id and changes the tag.
        if self.view(&from, 0).is_none_or(|view| view.etag != rename.version.etag) {
            return Ok(Outcome::Refused(Refusal::SourceGone));
        }
        let facts = self.facts;
        let amended_attributes = self.amended.get(&row.id).and_then(|amended| amended.attributes.as_ref());
        let attributes = amended_attributes.or_else(|| facts.attributes.get(&row.id)).cloned();
        let attributes = attributes
            .ok_or_else(|| MetadataError::Damaged("the attributes of a renamed version were not read".to_owned()))?;
        let extents = facts.extents.get(&ExtentOwner(row.id.0)).cloned().unwrap_or_default();
        self.remove_version(&from, 0)?;
        // The same content under a wrapping that names the new key.
        let encryption = rename.version.attributes.encryption.clone();
        let attributes = ObjectAttributes { encryption, ..attributes };
        let version = Version { key: rename.to.clone(), attributes, ..rename.version.clone() };
        let parts = Cow::Borrowed(&*rename.parts);
        self.insert_current(rename.bucket, fact, Cow::Owned(version), extents, parts, Some(row.encoded_bytes))?;
        Ok(Outcome::Renamed)
    }
}
