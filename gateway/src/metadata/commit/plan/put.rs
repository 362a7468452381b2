//! Writing an object.

use std::borrow::Cow;

use crate::domain::{Extent, Timestamp, VersionId, VersionLock};
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::change::PutChange;
use crate::metadata::commit::facts::{BucketFact, KeyLocation};
use crate::metadata::commit::outcome::{Outcome, Refusal};
use crate::metadata::commit::plan::planned::Growth;
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::Result;

impl<'a> Planner<'a> {
    pub(super) fn put(&mut self, put: &'a PutChange) -> Result<Outcome> {
        let fact = match self.check_condition(put.bucket, &put.version.key, &put.condition) {
            Ok(fact) => fact,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        if !self.has_source(put.source, &put.version.extents) || !self.balance.can_hold(&put.version.extents)? {
            return Ok(Outcome::Refused(Refusal::SourceGone));
        }
        let location = (put.bucket, put.version.key.clone());
        let comes = Growth { bytes: i128::from(put.version.size), objects: 1 };
        if let Some(refusal) = self.refused(&location, fact, put.version.lock, comes)? {
            return Ok(Outcome::Refused(refusal));
        }
        let version = Cow::Borrowed(&put.version);
        let parts = Cow::Borrowed(&*put.parts);
        let extents = put.version.extents.clone();
        Ok(Outcome::Stored(self.insert_current(put.bucket, fact, version, extents, parts, None)?))
    }

    /// Why a version may not come to a key, as far as locks and quotas are concerned. `comes` is what it brings.
    pub(super) fn refused(
        &mut self,
        location: &KeyLocation,
        fact: BucketFact,
        lock: VersionLock,
        comes: Growth,
    ) -> Result<Option<Refusal>> {
        if fact.lock.is_none() && lock != VersionLock::NONE {
            return Ok(Some(Refusal::NoObjectLock));
        }
        let goes = self.replaced(location, fact.versioning).and_then(|at| self.view(location, at));
        if let Some(goes) = goes
            && goes.lock != VersionLock::NONE
            && !goes.lock.may_remove(Timestamp(self.facts.fenced_now()?), false)
        {
            return Ok(Some(Refusal::Locked));
        }
        let (bytes, objects) = goes.map_or((0, 0), |goes| (i128::from(goes.size), goes.objects()));
        let fits = self.fits_quota(location.0, fact, comes.bytes - bytes, comes.objects - objects);
        Ok((!fits).then_some(Refusal::QuotaExceeded))
    }

    /// Whether the version that is copied is still there. One without bytes leaves no trace, and has nothing to lose.
    pub(super) fn has_source(&self, source: Option<VersionId>, extents: &[Extent]) -> bool {
        let is_there = |id: VersionId| self.facts.sources.contains(&id) && !self.gone.contains(&ExtentOwner(id.0));
        extents.is_empty() || source.is_none_or(is_there)
    }
}
