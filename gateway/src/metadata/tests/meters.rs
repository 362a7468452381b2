//! Metering.

use super::super::{Batch, Change, UsageRow};
use super::fixture::{Fixture, both};
use crate::domain::{Extent, UsageByBucket, UsageDelta};

async fn total(f: &Fixture) -> UsageRow {
    let mut sum = UsageRow::default();
    for row in f.store.usage(f.bucket, 0, i64::MAX).await.unwrap() {
        assert!(row.hour > 480_000, "hours since 1970");
        sum.requests_read += row.requests_read;
        sum.requests_write += row.requests_write;
        sum.ingress_bytes += row.ingress_bytes;
        sum.egress_bytes += row.egress_bytes;
        sum.encoded_bytes_added += row.encoded_bytes_added;
        sum.encoded_bytes_removed += row.encoded_bytes_removed;
        sum.content_bytes_added += row.content_bytes_added;
        sum.content_bytes_removed += row.content_bytes_removed;
    }
    sum
}

both! {
    async fn requests_and_bytes_add_up(f: &Fixture) {
        let delta = UsageDelta { requests_read: 1, requests_write: 2, ingress_bytes: 3, egress_bytes: 1 << 40 };
        f.store.add_usage(f.incarnation, UsageByBucket::from([(f.bucket, delta)])).await.unwrap();
        f.store.add_usage(f.incarnation, UsageByBucket::from([(f.bucket, delta)])).await.unwrap();
        f.store.add_usage(f.incarnation + 1, UsageByBucket::from([(f.bucket, delta)])).await.unwrap();
        f.store.add_usage(f.incarnation, UsageByBucket::from([(f.bucket, UsageDelta::default())])).await.unwrap();
        let sum = total(f).await;
        assert_eq!((sum.requests_read, sum.requests_write, sum.ingress_bytes, sum.egress_bytes), (3, 6, 9, 3 << 40));
        assert_eq!(f.store.usage(f.bucket, 0, 1).await.unwrap(), []);
    }

    async fn what_comes_is_metered_and_metered_back_when_it_goes(f: &Fixture) {
        let blob = f.blob(1_000, true);
        let encoded = blob.blob.layout.encoded_len();
        let extent = |offset, length| vec![Extent { blob: blob.blob.id, offset, length }];
        let versions = [f.version("a", extent(0, 333)), f.version("b", extent(333, 667))];
        let changes = versions.iter().map(|version| Change::Put(f.put_change(version.clone()))).collect();
        f.commit(Batch { blobs: vec![blob], changes }).await.unwrap();
        let sum = total(f).await;
        assert_eq!(sum.content_bytes_added, 1_000);
        assert!((encoded..encoded + 2).contains(&sum.encoded_bytes_added), "each share is rounded up");
        f.delete("a").await;
        f.delete("b").await;
        let sum = total(f).await;
        assert_eq!(sum.content_bytes_removed, 1_000);
        assert_eq!(sum.encoded_bytes_removed, sum.encoded_bytes_added, "exactly what was added");
    }
}
