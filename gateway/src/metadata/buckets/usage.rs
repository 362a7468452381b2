//! Meters: what each bucket did in each hour.

use crate::domain::{BucketId, UsageByBucket};
use crate::metadata::MetadataStore;
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::load;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// The meters of one bucket in one hour, summed over gateways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageRow {
    /// Hours since the Unix epoch, database time.
    pub hour: i64,
    /// Requests that change nothing.
    pub requests_read: u64,
    /// Requests that change something or list.
    pub requests_write: u64,
    /// Bytes of request bodies.
    pub ingress_bytes: u64,
    /// Bytes of response bodies.
    pub egress_bytes: u64,
    /// Encoded bytes of versions and parts that came: content with parity, tags and padding, by share of the blob; and how much
    /// more they became when their bytes moved to other blobs.
    pub encoded_bytes_added: u64,
    /// Encoded bytes of versions and parts that went, and how much less they became. What came less what went, of all hours so
    /// far, is what lies there now.
    pub encoded_bytes_removed: u64,
    /// Content bytes that came.
    pub content_bytes_added: u64,
    /// Content bytes that went.
    pub content_bytes_removed: u64,
}

impl MetadataStore {
    /// Adds to the meters of the current hour.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn add_usage(&self, incarnation: u32, usage: UsageByBucket) -> Result<()> {
        if usage.values().all(crate::domain::UsageDelta::is_zero) {
            return Ok(());
        }
        self.database().transact(Add { incarnation, usage }).await
    }

    /// The meters of a bucket for the hours `from_hour..to_hour`, ascending; hours without anything are left out.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn usage(&self, bucket: BucketId, from_hour: i64, to_hour: i64) -> Result<Vec<UsageRow>> {
        let text = "SELECT hour, CAST(SUM(requests_read) AS BIGINT), CAST(SUM(requests_write) AS BIGINT), \
                    CAST(SUM(ingress_bytes) AS BIGINT), CAST(SUM(egress_bytes) AS BIGINT), \
                    CAST(SUM(encoded_bytes_added) AS BIGINT), CAST(SUM(encoded_bytes_removed) AS BIGINT), \
                    CAST(SUM(content_bytes_added) AS BIGINT), CAST(SUM(content_bytes_removed) AS BIGINT) \
                    FROM meter WHERE bucket_id = $1 AND hour >= $2 AND hour < $3 GROUP BY hour ORDER BY hour";
        let rows = self.database().rows(Statement::new(text).bind(bucket.0).bind(from_hour).bind(to_hour)).await?;
        rows.iter()
            .map(|row| {
                Ok(UsageRow {
                    hour: row.int(0)?,
                    requests_read: row.number(1)?,
                    requests_write: row.number(2)?,
                    ingress_bytes: row.number(3)?,
                    egress_bytes: row.number(4)?,
                    encoded_bytes_added: row.number(5)?,
                    encoded_bytes_removed: row.number(6)?,
                    content_bytes_added: row.number(7)?,
                    content_bytes_removed: row.number(8)?,
                })
            })
            .collect()
    }
}

struct Add {
    incarnation: u32,
    usage: UsageByBucket,
}

impl Work for Add {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let mut facts = Facts::default();
        load::ask(tx, &mut facts, [load::now(tx.dialect(), None)]).await?;
        let hour = facts.fenced_now()?.div_euclid(3_600_000_000);
        // One order for everybody, so that two writers of the same rows do not wait in a circle.
        let usage: std::collections::BTreeMap<_, _> = self.usage.iter().filter(|(_, delta)| !delta.is_zero()).collect();
        let mut rows = Vec::with_capacity(usage.len());
        for (bucket, delta) in usage {
            rows.push([
                bucket.0.into(),
                hour.into(),
                self.incarnation.into(),
                int(delta.requests_read)?.into(),
                int(delta.requests_write)?.into(),
                int(delta.ingress_bytes)?.into(),
                int(delta.egress_bytes)?.into(),
            ]);
        }
        let head = "WITH n (bucket_id, hour, incarnation, rr, rw, ib, eb) AS (VALUES ";
        let tail = ") INSERT INTO meter (bucket_id, hour, incarnation, requests_read, requests_write, ingress_bytes, \
                    egress_bytes, encoded_bytes_added, encoded_bytes_removed, content_bytes_added, \
                    content_bytes_removed) \
                    SELECT bucket_id, hour, incarnation, rr, rw, ib, eb, 0, 0, 0, 0 FROM n WHERE TRUE \
                    ON CONFLICT (bucket_id, hour, incarnation) DO UPDATE SET \
                    requests_read = meter.requests_read + excluded.requests_read, \
                    requests_write = meter.requests_write + excluded.requests_write, \
                    ingress_bytes = meter.ingress_bytes + excluded.ingress_bytes, \
                    egress_bytes = meter.egress_bytes + excluded.egress_bytes";
        tx.execute_rows(head, rows, tail).await.map(drop)
    }
}
