//! Quota checks: the stored sums and the changes of this plan so far.

use std::collections::BTreeMap;

use crate::domain::BucketId;
use crate::metadata::buckets::quota_row::QuotaScope;
use crate::metadata::commit::facts::{BucketFact, Facts};
use crate::metadata::commit::plan::{Flow, Planner};

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
            let (more_bytes, more_objects) = changed.get(&scope).copied().unwrap_or_default();
            let bytes_then = i128::from(quota.bytes) + i128::from(more_bytes) + bytes;
            let objects_then = quota.objects.saturating_add(more_objects).saturating_add(objects);
            let bytes_fit = bytes <= 0 || quota.bytes_max.is_none_or(|most| bytes_then <= i128::from(most));
            bytes_fit && (objects <= 0 || quota.objects_max.is_none_or(|most| objects_then <= most))
        })
    }
}

/// What flows change the sums of quotas by: bytes and objects.
pub(super) fn sums(facts: &Facts, flows: &BTreeMap<BucketId, Flow>) -> BTreeMap<QuotaScope, (i64, i64)> {
    let mut sums = BTreeMap::<_, (i64, i64)>::new();
    for (bucket, flow) in flows {
        let Some(fact) = facts.buckets.get(bucket).filter(|fact| fact.has_quota) else { continue };
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let bytes = signed(flow.content_added).saturating_sub(signed(flow.content_removed));
        for scope in scopes(*bucket, *fact) {
            let sum = sums.entry(scope).or_default();
            sum.0 = sum.0.saturating_add(bytes);
            sum.1 = sum.1.saturating_add(flow.objects);
        }
    }
    sums
}

fn scopes(bucket: BucketId, fact: BucketFact) -> [QuotaScope; 2] {
    [QuotaScope::Bucket(bucket), QuotaScope::User(fact.owner)]
}
