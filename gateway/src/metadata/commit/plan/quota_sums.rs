//! What a plan changes the sums of quotas by.

use std::collections::BTreeMap;

use crate::domain::BucketId;
use crate::metadata::buckets::quota_row::QuotaScope;
use crate::metadata::commit::facts::{BucketFact, Facts};
use crate::metadata::commit::plan::planned::Flow;

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

/// The quotas that a bucket may be under.
pub(super) fn scopes(bucket: BucketId, fact: BucketFact) -> [QuotaScope; 2] {
    [QuotaScope::Bucket(bucket), QuotaScope::User(fact.owner)]
}
