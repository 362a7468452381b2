//! Meters and sums of quotas.

use crate::metadata::buckets::quota_row::QuotaChange;
use crate::metadata::commit::apply::writes::Writes;
use crate::metadata::commit::plan::Plan;
use crate::metadata::engine::columns::int;
use crate::metadata::error::Result;

pub(super) fn meter(writes: &mut Writes, plan: &Plan<'_>, now: i64, incarnation: u32) -> Result<()> {
    let hour = now.div_euclid(3_600_000_000);
    let mut rows = Vec::with_capacity(plan.flows.len());
    for (bucket, flow) in plan.flows.iter().filter(|(_, flow)| flow.has_bytes()) {
        rows.push([
            bucket.0.into(),
            hour.into(),
            incarnation.into(),
            int(flow.encoded_added)?.into(),
            int(flow.encoded_removed)?.into(),
            int(flow.content_added)?.into(),
            int(flow.content_removed)?.into(),
        ]);
    }
    let head = "WITH n (bucket_id, hour, incarnation, ea, er, ca, cr) AS (VALUES ";
    let tail = ") INSERT INTO meter (bucket_id, hour, incarnation, requests_read, requests_write, ingress_bytes, \
                egress_bytes, encoded_bytes_added, encoded_bytes_removed, content_bytes_added, content_bytes_removed) \
                SELECT bucket_id, hour, incarnation, 0, 0, 0, 0, ea, er, ca, cr FROM n WHERE TRUE \
                ON CONFLICT (bucket_id, hour, incarnation) DO UPDATE SET \
                encoded_bytes_added = meter.encoded_bytes_added + excluded.encoded_bytes_added, \
                encoded_bytes_removed = meter.encoded_bytes_removed + excluded.encoded_bytes_removed, \
                content_bytes_added = meter.content_bytes_added + excluded.content_bytes_added, \
                content_bytes_removed = meter.content_bytes_removed + excluded.content_bytes_removed";
    writes.rows(head, rows, tail);
    Ok(())
}

/// Adds to the sums of quotas; those that have none are not there.
pub(super) fn sum_up(writes: &mut Writes, plan: &Plan<'_>) {
    let changed = plan.sums.iter().filter(|(_, change)| **change != QuotaChange::default());
    let rows = changed.map(|(scope, change)| {
        let [kind, id] = scope.values();
        [kind, id, change.bytes.into(), change.objects.into(), change.extras.into()]
    });
    let tail = ") UPDATE quota SET bytes = quota.bytes + n.bytes, objects = quota.objects + n.objects, \
                extras = quota.extras + n.extras FROM n WHERE quota.scope = n.scope AND quota.id = n.id";
    writes.rows("WITH n (scope, id, bytes, objects, extras) AS (VALUES ", rows.collect(), tail);
}
