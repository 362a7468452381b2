//! What a plan changes the sums of quotas by.

use std::collections::BTreeMap;

use crate::domain::BucketId;
use crate::metadata::buckets::quota_row::{QuotaChange, QuotaScope};
use crate::metadata::commit::facts::{BucketFact, Facts};
use crate::metadata::commit::plan::planned::Flow;

/// What flows change the sums of quotas by.
pub(super) fn sums(facts: &Facts, flows: &BTreeMap<BucketId, Flow>) -> BTreeMap<QuotaScope, QuotaChange> {
    let mut sums = BTreeMap::<_, QuotaChange>::new();
    for (bucket, flow) in flows {
        let Some(fact) = facts.buckets.get(bucket).filter(|fact| fact.has_quota) else { continue };
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let bytes = signed(flow.content_added).saturating_sub(signed(flow.content_removed));
        for scope in scopes(*bucket, *fact) {
            let sum = sums.entry(scope).or_default();
            sum.bytes = sum.bytes.saturating_add(bytes);
            sum.objects = sum.objects.saturating_add(flow.objects);
            sum.extras = sum.extras.saturating_add(flow.extras);
        }
    }
    sums
}

/// The quotas that a bucket may be under.
pub(super) fn scopes(bucket: BucketId, fact: BucketFact) -> [QuotaScope; 2] {
    [QuotaScope::Bucket(bucket), QuotaScope::User(fact.owner)]
}
