//! Quota checks: the stored sums and the changes of this plan so far.

use crate::domain::BucketId;
use crate::metadata::commit::facts::BucketFact;
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::commit::plan::quota_sums::{scopes, sums};

impl Planner<'_> {
    /// Whether the quotas over a bucket let it grow by so many bytes and objects. What shrinks may always be done, even where a
    /// quota was set below what is there.
    pub(super) fn fits_quota(&self, bucket: BucketId, fact: BucketFact, bytes: i128, objects: i64) -> bool {
        if !fact.has_quota || (bytes <= 0 && objects <= 0) {
            return true;
        }
        let changed = sums(self.facts, &self.plan.flows);
        scopes(bucket, fact).into_iter().all(|scope| {
            let Some(quota) = self.facts.quotas.get(&scope) else { return true };
            let more = changed.get(&scope).copied().unwrap_or_default();
            let bytes_then = i128::from(quota.bytes) + i128::from(more.bytes) + bytes;
            let objects_then = quota.objects.saturating_add(more.objects).saturating_add(objects);
            let bytes_fit = bytes <= 0 || quota.bytes_max.is_none_or(|most| bytes_then <= i128::from(most));
            bytes_fit && (objects <= 0 || quota.objects_max.is_none_or(|most| objects_then <= most))
        })
    }

    /// Whether the quotas over a bucket let so many delete markers and unfinished uploads come. They hold no content, and
    /// without a bound somebody who may have one object could make any number of them.
    pub(in crate::metadata) fn fits_extras(&self, bucket: BucketId, fact: BucketFact, extras: i64) -> bool {
        if !fact.has_quota || extras <= 0 {
            return true;
        }
        let changed = sums(self.facts, &self.plan.flows);
        scopes(bucket, fact).into_iter().all(|scope| {
            let Some(quota) = self.facts.quotas.get(&scope) else { return true };
            let more = changed.get(&scope).map_or(0, |change| change.extras);
            let then = quota.extras.saturating_add(more).saturating_add(extras);
            quota.extras_max().is_none_or(|most| then <= most)
        })
    }
}
