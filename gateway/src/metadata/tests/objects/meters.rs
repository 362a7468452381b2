//! Metering.

use crate::domain::{Extent, UsageByBucket, UsageDelta, Version};
use crate::metadata::blobs::owned_extent::{ExtentMove, ExtentOwner, OwnedExtent};
use crate::metadata::buckets::usage::UsageRow;
use crate::metadata::commit::StoredVersion;
use crate::metadata::commit::{Batch, Change, NewBlob};
use crate::metadata::engine::statement::Statement;
use crate::metadata::meter_check::MeteredPlace;
use crate::metadata::objects::complete::CompleteOutcome;
use crate::metadata::tests::fixture::{Fixture, both, whole};
use crate::metadata::tests::objects::uploads::{begin, completion, send};

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

/// What the meters say lies there now.
async fn metered(f: &Fixture) -> u64 {
    let sum = total(f).await;
    sum.encoded_bytes_added - sum.encoded_bytes_removed
}

/// Moves one extent to a blob of its own under another scheme; the blob.
async fn recode(f: &Fixture, owner: ExtentOwner, ordinal: u32, extent: Extent, scheme: &str) -> NewBlob {
    let blob = f.blob_of(scheme, extent.length, false);
    let moved = ExtentMove { from: OwnedExtent { owner, ordinal, extent }, to: whole(&blob)[0] };
    assert_eq!(f.store.move_extents(f.incarnation, vec![blob.clone()], vec![moved]).await.unwrap(), [true]);
    f.agrees_with_itself().await;
    blob
}

fn owner(version: &Version) -> ExtentOwner {
    ExtentOwner(version.id.0)
}

both! {
    async fn bytes_that_move_are_metered_by_what_they_are_now(f: &Fixture) {
        let encoded = |blob: &NewBlob| blob.blob.layout.encoded_len();
        let version = f.put("one", 100_000).await;
        let first = metered(f).await;
        let copies = recode(f, owner(&version), 0, version.extents[0], "copy-3").await;
        assert_eq!(metered(f).await, encoded(&copies));
        assert!(metered(f).await > first);
        let back = recode(f, owner(&version), 0, whole(&copies)[0], "rs-4-2").await;
        assert_eq!((metered(f).await, encoded(&back)), (first, first));

        let blobs = [f.blob(40_000, false), f.blob(60_000, false)];
        let pieces = f.version("two", blobs.iter().flat_map(whole).collect());
        let changes = vec![Change::Put(f.put_change(pieces.clone()))];
        f.commit(Batch { blobs: blobs.to_vec(), changes }).await.unwrap();
        let copies = recode(f, owner(&pieces), 1, pieces.extents[1], "copy-3").await;
        assert_eq!(metered(f).await, first + encoded(&blobs[0]) + encoded(&copies));

        let before = metered(f).await;
        let upload = begin(f, "three").await;
        let (_, mut part) = send(f, &upload, 1, 50_000).await;
        let id = f.store.database().row(Statement::new("SELECT part_id FROM part")).await.unwrap().unwrap().array(0).unwrap();
        let copies = recode(f, ExtentOwner(id), 0, part.extents[0], "copy-3").await;
        assert_eq!(metered(f).await, before + encoded(&copies));
        part.extents = whole(&copies);
        let completed = f.store.complete_upload(f.incarnation, completion(f, &upload, &[part])).await.unwrap();
        assert_eq!(completed, CompleteOutcome::Completed(StoredVersion::default()));
        assert_eq!(metered(f).await, before + encoded(&copies));

        let sum = total(f).await;
        assert_eq!(sum.content_bytes_added - sum.content_bytes_removed, 250_000, "content does not change");
        for name in ["one", "two", "three"] {
            f.delete(name).await;
        }
        assert_eq!(metered(f).await, 0, "exactly what was added");
    }

    async fn a_move_that_comes_too_late_meters_nothing(f: &Fixture) {
        let version = f.put("one", 1_000).await;
        f.put("one", 2_000).await;
        let blob = f.blob_of("copy-3", 1_000, false);
        let from = OwnedExtent { owner: owner(&version), ordinal: 0, extent: version.extents[0] };
        let moved = ExtentMove { from, to: whole(&blob)[0] };
        let before = metered(f).await;
        assert_eq!(f.store.move_extents(f.incarnation, vec![blob], vec![moved]).await.unwrap(), [false]);
        assert_eq!(metered(f).await, before);
    }

    async fn meters_that_do_not_add_up_are_complained_of(f: &Fixture) {
        f.put("one", 1_000).await;
        let upload = begin(f, "two").await;
        send(f, &upload, 1, 1_000).await;
        f.meddle("UPDATE meter SET encoded_bytes_added = encoded_bytes_added + 1").await;
        let complaints = f.store.audit_counters().await.unwrap();
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].contains(&hex::encode("first-bucket")), "{complaints:?}");
        f.meddle("UPDATE version SET encoded_bytes = encoded_bytes + 1").await;
        let complaints = f.store.audit_counters().await.unwrap();
        assert!(complaints.len() == 1 && complaints[0].starts_with("version "), "{complaints:?}");
        f.meddle("UPDATE part SET encoded_bytes = encoded_bytes + 1").await;
        assert_eq!(f.store.audit_counters().await.unwrap().len(), 3);
        f.meddle("UPDATE part SET encoded_bytes = encoded_bytes - 1").await;
        f.meddle("UPDATE version SET encoded_bytes = encoded_bytes - 1").await;
        f.meddle("UPDATE meter SET encoded_bytes_added = encoded_bytes_added - 1, bucket_id = -bucket_id").await;
        assert_eq!(f.store.audit_counters().await.unwrap().len(), 2, "of one bucket too little, of one that is not there too much");
        f.meddle("UPDATE meter SET bucket_id = -bucket_id").await;
    }

    async fn what_was_metered_wrong_is_mended_with_its_meters(f: &Fixture) {
        f.put("one", 1_000).await;
        let upload = begin(f, "two").await;
        send(f, &upload, 1, 1_000).await;
        let right = metered(f).await;
        // As earlier releases left it when they moved bytes: rows and meters agree, and are not what lies there.
        for (table, change) in [("version", 500), ("part", -7)] {
            f.meddle(format!("UPDATE {table} SET encoded_bytes = encoded_bytes + {change}")).await;
            f.meddle(format!("UPDATE meter SET encoded_bytes_added = encoded_bytes_added + {change}")).await;
        }
        assert_eq!((metered(f).await, f.store.audit_counters().await.unwrap().len()), (right + 493, 2));
        let (mut place, mut mended, mut bytes) = (Some(MeteredPlace::default()), 0, 0);
        while let Some(at) = place {
            let step = f.store.mend_meters(f.incarnation, &at).await.unwrap();
            (mended, bytes, place) = (mended + step.mended, bytes + step.bytes, step.next);
        }
        assert_eq!((mended, bytes, metered(f).await), (2, -493, right));
        f.agrees_with_itself().await;
        let again = f.store.mend_meters(f.incarnation, &MeteredPlace::default()).await.unwrap();
        assert_eq!((again.mended, again.bytes), (0, 0));
    }

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
