//! Meters and sums of quotas.

use crate::metadata::buckets::quota_row::QuotaChange;
use crate::metadata::commit::apply::writes::Writes;
use crate::metadata::commit::plan::Plan;
use crate::metadata::engine::columns::int;
use crate::metadata::error::{MetadataError, Result};

pub(super) fn meter(writes: &mut Writes, plan: &Plan<'_>, now: i64, incarnation: u32) -> Result<()> {
    let hour = now.div_euclid(HOUR_MICROS);
    let mut rows = Vec::with_capacity(plan.flows.len());
    for (bucket, flow) in plan.flows.iter().filter(|(_, flow)| flow.has_bytes()) {
        let (high, low) = moment(flow.encoded_added, flow.encoded_removed, now.rem_euclid(HOUR_MICROS))?;
        rows.push([
            bucket.0.into(),
            hour.into(),
            incarnation.into(),
            int(flow.encoded_added)?.into(),
            int(flow.encoded_removed)?.into(),
            int(flow.content_added)?.into(),
            int(flow.content_removed)?.into(),
            high.into(),
            low.into(),
            int(flow.encoded_written)?.into(),
        ]);
    }
    let head = "WITH n (bucket_id, hour, incarnation, ea, er, ca, cr, mh, ml, ew) AS (VALUES ";
    let tail = ") INSERT INTO meter (bucket_id, hour, incarnation, requests_read, requests_write, ingress_bytes, \
                egress_bytes, encoded_bytes_added, encoded_bytes_removed, content_bytes_added, content_bytes_removed, \
                moment_high, moment_low, encoded_bytes_written) \
                SELECT bucket_id, hour, incarnation, 0, 0, 0, 0, ea, er, ca, cr, mh, ml, ew FROM n WHERE TRUE \
                ON CONFLICT (bucket_id, hour, incarnation) DO UPDATE SET \
                encoded_bytes_added = meter.encoded_bytes_added + excluded.encoded_bytes_added, \
                encoded_bytes_removed = meter.encoded_bytes_removed + excluded.encoded_bytes_removed, \
                content_bytes_added = meter.content_bytes_added + excluded.content_bytes_added, \
                content_bytes_removed = meter.content_bytes_removed + excluded.content_bytes_removed, \
                moment_high = meter.moment_high + excluded.moment_high, \
                moment_low = meter.moment_low + excluded.moment_low, \
                encoded_bytes_written = meter.encoded_bytes_written + excluded.encoded_bytes_written";
    writes.rows(head, rows, tail);
    Ok(())
}

/// Microseconds of the hours that meters have rows for.
const HOUR_MICROS: i64 = 3_600_000_000;

/// What bytes came to in time when they came or went `offset` microseconds after the hour began, as `high * 2^32 + low` with
/// `0 <= low < 2^32`: both can be summed apart, for which 64 bits are enough.
fn moment(added: u64, removed: u64, offset: i64) -> Result<(i64, i64)> {
    let moment = (i128::from(added) - i128::from(removed)) * i128::from(offset);
    let high = i64::try_from(moment >> 32).map_err(|_| MetadataError::Damaged("a meter does not fit".to_owned()))?;
    let low =
        i64::try_from(moment & 0xffff_ffff).map_err(|_| MetadataError::Damaged("a meter does not fit".to_owned()))?;
    Ok((high, low))
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
