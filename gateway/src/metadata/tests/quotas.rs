//! Quotas: never exceeded by parallel writers, and sums that are those of the rows.

use crate::domain::{Upload, UploadId, VersionName, VersionSelector, WriteCondition};
use crate::metadata::buckets::bucket::{CreateBucket, NewBucket};
use crate::metadata::buckets::quota_count::MissingUsage;
use crate::metadata::buckets::quota_row::{EXTRAS_MIN, QuotaLimits, QuotaScope};
use crate::metadata::commit::{Batch, Change, DeleteChange, Deleted, Outcome, Refusal, StoredVersion};
use crate::metadata::objects::uploads::CreateUpload;
use crate::metadata::tests::fixture::{Fixture, both, key, whole};
use crate::metadata::tests::objects::uploads::begin;

async fn set(f: &Fixture, scope: QuotaScope, bytes: Option<u64>, objects: Option<u64>) {
    assert!(f.store.set_quota(scope, QuotaLimits { bytes, objects }).await.unwrap());
}

/// Bytes and objects.
async fn sums(f: &Fixture, scope: QuotaScope) -> (u64, u64) {
    let quota = f.store.quota(scope).await.unwrap().unwrap();
    (quota.bytes, quota.objects)
}

async fn put(f: &Fixture, name: &str, size: u64) -> Outcome {
    f.put_if(name, size, WriteCondition::None).await.0
}

both! {
    async fn a_quota_counts_what_is_there_and_what_comes(f: &Fixture) {
        let full = Outcome::Refused(Refusal::QuotaExceeded);
        let bucket = QuotaScope::Bucket(f.bucket);
        f.put("a", 40).await;
        assert_eq!(f.store.quota(bucket).await.unwrap(), None);
        set(f, bucket, Some(100), Some(3)).await;
        assert_eq!(sums(f, bucket).await, (40, 1));
        assert_eq!(put(f, "b", 61).await, full);
        assert_eq!(put(f, "b", 60).await, Outcome::STORED);
        assert_eq!(put(f, "b", 61).await, full);
        assert_eq!(put(f, "b", 50).await, Outcome::STORED, "what is replaced makes room");
        assert_eq!(put(f, "c", 5).await, Outcome::STORED);
        assert_eq!(put(f, "d", 1).await, full, "a fourth object");
        assert_eq!(sums(f, bucket).await, (95, 3));
        f.delete("a").await;
        assert_eq!(put(f, "d", 1).await, Outcome::STORED);
        set(f, bucket, Some(1), None).await;
        assert_eq!(put(f, "b", 49).await, Outcome::STORED, "what shrinks may always be done");
        assert_eq!(put(f, "b", 50).await, full);
        set(f, bucket, None, None).await;
        assert_eq!(f.store.quota(bucket).await.unwrap(), None);
        assert_eq!(put(f, "b", 1_000).await, Outcome::STORED);
        assert!(!f.store.set_quota(QuotaScope::Bucket(crate::domain::BucketId(99)), QuotaLimits::default()).await.unwrap());
    }

    /// What is counted and what comes meanwhile add up, and whoever stopped in the middle has limited nothing.
    async fn writers_go_on_while_usage_is_counted(f: &Fixture) {
        let bucket = QuotaScope::Bucket(f.bucket);
        for at in 0..20 {
            f.put(&format!("before-{at}"), 10).await;
        }
        let writers = (0..40).map(|at| async move {
            f.put(&format!("during-{at}"), 10).await;
            f.delete(&format!("before-{at}")).await;
        });
        let counting = async {
            for _ in 0..8 {
                set(f, bucket, Some(100_000), None).await;
            }
        };
        futures::future::join(futures::future::join_all(writers), counting).await;
        assert_eq!(sums(f, bucket).await, (400, 40));

        f.meddle("UPDATE quota SET bytes_max = NULL, bytes = -7").await;
        assert_eq!(f.store.quota(bucket).await.unwrap(), None, "as if the counting had been cut off");
        assert_eq!(put(f, "more", 10).await, Outcome::STORED);
        set(f, bucket, Some(1_000), None).await;
        assert_eq!(sums(f, bucket).await, (410, 41));

        f.meddle("DELETE FROM quota").await;
        for _ in 0..10 {
            let both = || set(f, bucket, Some(1_000), None);
            futures::future::join3(both(), both(), both()).await;
            assert_eq!(sums(f, bucket).await, (410, 41), "what two count at once is added once");
        }
    }

    async fn parallel_writers_cannot_exceed_it(f: &Fixture) {
        set(f, QuotaScope::Bucket(f.bucket), Some(100), None).await;
        set(f, QuotaScope::User(f.owner), None, Some(7)).await;
        let other = f.other_gateway_or_self().await;
        // With SQLite there is one gateway at a time.
        let incarnation = match f.url.starts_with("sqlite:") {
            true => f.incarnation,
            false => other.begin_incarnation("other", 60).await.unwrap(),
        };
        let writers = (0..24_u64).map(|number| {
            let blob = f.blob(10, false);
            let change = Change::Put(f.put_change(f.version(&format!("key-{number}"), whole(&blob))));
            let batch = Batch { blobs: vec![blob], changes: vec![change] };
            let (store, other) = (&f.store, &other);
            async move {
                let outcomes = match number % 2 {
                    0 => store.commit(f.incarnation, batch).await,
                    _ => other.commit(incarnation, batch).await,
                };
                outcomes.unwrap()[0]
            }
        });
        let outcomes = futures::future::join_all(writers).await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::STORED).count(), 7);
        assert_eq!(sums(f, QuotaScope::Bucket(f.bucket)).await, (70, 7));
        assert_eq!(sums(f, QuotaScope::User(f.owner)).await, (70, 7));
    }

    async fn versions_count_until_they_are_removed_and_markers_do_not(f: &Fixture) {
        let bucket = QuotaScope::Bucket(f.bucket);
        set(f, bucket, Some(100), Some(2)).await;
        let row = f.store.bucket(&"first-bucket".parse().unwrap()).await.unwrap().unwrap();
        f.store.set_versioning(&row, true).await.unwrap();
        let Outcome::Stored(StoredVersion { name: Some(VersionName::Id(first)), .. }) = put(f, "key", 10).await else { panic!() };
        put(f, "key", 10).await;
        assert_eq!(put(f, "key", 10).await, Outcome::Refused(Refusal::QuotaExceeded), "a third version");
        assert!(matches!(f.delete("key").await, Outcome::Deleted(Deleted { marker: true, .. })));
        assert_eq!(sums(f, bucket).await, (20, 2));
        let removal = DeleteChange { selector: VersionSelector::Id(first), ..DeleteChange::current(f.bucket, key("key")) };
        f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Delete(removal)] }).await.unwrap();
        assert_eq!(sums(f, bucket).await, (10, 1));
    }

    async fn markers_and_uploads_are_bounded_with_the_objects(f: &Fixture) {
        let bucket = QuotaScope::Bucket(f.bucket);
        let row = f.store.bucket(&"first-bucket".parse().unwrap()).await.unwrap().unwrap();
        f.store.set_versioning(&row, true).await.unwrap();
        let extras = async || f.store.quota(bucket).await.unwrap().unwrap().extras;
        f.delete("nothing").await;
        let open = begin(f, "film").await;
        set(f, bucket, None, Some(1)).await;
        assert_eq!(extras().await, 2, "what is there is counted");
        let most = usize::try_from(EXTRAS_MIN).unwrap();
        let mark = |name: String| Change::Delete(DeleteChange::current(f.bucket, key(&name)));
        let changes = (0..most + 5).map(|number| mark(format!("key-{number}"))).collect();
        let outcomes = f.commit(Batch { blobs: Vec::new(), changes }).await.unwrap();
        let refused = outcomes.iter().filter(|outcome| **outcome == Outcome::Refused(Refusal::QuotaExceeded)).count();
        assert_eq!((extras().await, refused), (EXTRAS_MIN.unsigned_abs(), 7), "one batch, too, knows what it has done");
        assert_eq!(f.store.create_upload(&Upload { id: UploadId([9; 16]), ..open.clone() }, f.owner).await.unwrap(), CreateUpload::QuotaExceeded);
        f.store.abort_upload(f.bucket, &open.key, &open.id).await.unwrap();
        begin(f, "film").await;
        assert_eq!(f.delete("more").await, Outcome::Refused(Refusal::QuotaExceeded));
        let Outcome::Deleted(Deleted { name: Some(name), .. }) = outcomes[0] else { panic!("{outcomes:?}") };
        let VersionName::Id(id) = name else { panic!("{name:?}") };
        let removal = DeleteChange { selector: VersionSelector::Id(id), ..DeleteChange::current(f.bucket, key("key-0")) };
        f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Delete(removal)] }).await.unwrap();
        assert!(matches!(f.delete("more").await, Outcome::Deleted(Deleted { marker: true, .. })), "there is room again");
        set(f, bucket, Some(1 << 30), None).await;
        assert!(matches!(f.delete("yet more").await, Outcome::Deleted(Deleted { marker: true, .. })), "objects are not limited");
    }

    /// An earlier release beside this one counts no delete markers and no uploads, and who counts again must agree with whoever
    /// writes, and with whoever sets the quota, at the same time.
    async fn sums_that_drifted_are_mended_while_writers_go_on(f: &Fixture) {
        let (bucket, user) = (QuotaScope::Bucket(f.bucket), QuotaScope::User(f.owner));
        let row = f.store.bucket(&"first-bucket".parse().unwrap()).await.unwrap().unwrap();
        f.store.set_versioning(&row, true).await.unwrap();
        set(f, bucket, Some(1 << 30), None).await;
        set(f, user, None, Some(1 << 30)).await;
        for at in 0..10 {
            assert!(put(f, &format!("key-{at}"), 10).await.is_made());
            f.delete(&format!("key-{at}")).await;
        }
        let upload = begin(f, "film").await;
        crate::metadata::tests::objects::uploads::send(f, &upload, 1, 5).await;
        f.meddle("UPDATE quota SET extras = extras - 4, bytes = bytes + 7 WHERE scope = 'bucket'").await;
        f.meddle("UPDATE quota SET extras = -3 WHERE scope = 'user'").await;
        let writers = (0..20).map(|at| async move {
            assert!(put(f, &format!("during-{at}"), 10).await.is_made());
            f.delete(&format!("key-{at}")).await;
        });
        let recounting = async {
            let mut mended = Vec::new();
            let mut after = None;
            while let Some(scope) = f.store.quota_after(after).await.unwrap() {
                let missing = f.store.recount_quota(scope, 0).await.unwrap();
                mended.push((scope, missing.bytes, missing.extras));
                after = Some(scope);
            }
            mended
        };
        let (mended, _) = futures::future::join(recounting, futures::future::join_all(writers)).await;
        assert_eq!(mended, [(bucket, -7, 4), (user, 0, 14)]);
        f.agrees_with_itself().await;
        assert_eq!(f.store.quota_after(None).await.unwrap(), Some(bucket));
        assert_eq!(f.store.recount_quota(bucket, 0).await.unwrap(), MissingUsage::default());

        f.meddle("UPDATE quota SET extras = 0, counting = -1").await;
        assert!(f.store.recount_quota(bucket, 0).await.unwrap().extras > 0, "one was broken off");
        f.meddle("UPDATE quota SET counting = NULL").await;
        f.store.recount_quota(user, 0).await.unwrap();
        f.meddle("UPDATE quota SET extras = 0, counting = 0 WHERE scope = 'bucket'").await;
        f.agrees_with_itself().await;
        assert!(f.store.recount_quota(bucket, 0).await.unwrap().extras > 0, "as a migration leaves it");
        f.meddle("UPDATE quota SET extras = 0, counting = 1 WHERE scope = 'bucket'").await;
        assert_eq!(f.store.recount_quota(bucket, 0).await.unwrap(), MissingUsage::default(), "somebody is setting it");
        set(f, bucket, Some(1 << 30), None).await;
        f.store.recount_quota(user, 0).await.unwrap();
    }

    /// Whoever sets a quota may be killed while usage is counted. Nobody else's count has a number as old as that.
    async fn a_setting_that_was_broken_off_is_ended_by_a_recount(f: &Fixture) {
        let (bucket, user) = (QuotaScope::Bucket(f.bucket), QuotaScope::User(f.owner));
        f.put("a", 10).await;
        set(f, bucket, Some(100), None).await;
        let number = f.store.draw_count_number().await.unwrap();
        f.meddle(format!("UPDATE quota SET counting = {number}, bytes = bytes - 3")).await;
        f.meddle(format!("INSERT INTO quota (scope, id, bytes, objects, counting) VALUES ('user', {}, 0, 0, {number})", f.owner.0)).await;
        assert_eq!(f.store.recount_quota(bucket, number - 1).await.unwrap(), MissingUsage::default(), "it may go on");
        f.store.recount_quota(user, number - 1).await.unwrap();
        assert_eq!((sums(f, bucket).await, f.one_int("SELECT COUNT(*) FROM quota").await), ((7, 1), 2));
        assert_eq!(f.store.recount_quota(bucket, number).await.unwrap().bytes, 3, "what was in force stays");
        assert_eq!(sums(f, bucket).await, (10, 1));
        f.store.recount_quota(user, number).await.unwrap();
        assert_eq!(f.one_int("SELECT COUNT(*) FROM quota").await, 1, "what never had limits goes");
        assert_eq!(put(f, "b", 91).await, Outcome::Refused(Refusal::QuotaExceeded));
    }

    async fn usage_is_counted_over_many_pages_and_buckets(f: &Fixture) {
        let names: Vec<_> = (0..100).map(|at| format!("key-{at}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        f.put_empty(&names).await;
        f.put("sized", 11).await;
        let other = NewBucket::new(f.owner, "other-bucket".parse().unwrap(), "");
        let CreateBucket::Created(other) = f.store.create_bucket(other).await.unwrap() else { panic!("the other bucket") };
        f.put_empty_into(other.id, &names).await;
        set(f, QuotaScope::User(f.owner), None, Some(1 << 30)).await;
        assert_eq!(sums(f, QuotaScope::User(f.owner)).await, (11, 201));
        set(f, QuotaScope::Bucket(other.id), None, Some(1 << 30)).await;
        assert_eq!(sums(f, QuotaScope::Bucket(other.id)).await, (0, 100));
    }
}
