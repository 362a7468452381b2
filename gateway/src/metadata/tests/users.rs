//! The cluster, its backends, users and buckets.

use codec::ClusterId;

use crate::domain::{BucketId, BucketName, CanonicalId, ObjectAttributes, Timestamp, Upload, UploadId, UserId};
use crate::metadata::buckets::bucket::{CreateBucket, DeleteBucket, NewBucket};
use crate::metadata::cluster::backends::BackendRow;
use crate::metadata::cluster::cluster_row::Cluster;
use crate::metadata::commit::{Batch, Change, Outcome, Refusal};
use crate::metadata::identity::users::{AddAccessKey, AddUser, RemoveUser};
use crate::metadata::objects::uploads::UploadListQuery;
use crate::metadata::tests::fixture::{Fixture, both, key};

fn name(text: &str) -> BucketName {
    text.parse().unwrap()
}

both! {
    async fn a_cluster_is_created_once(f: &Fixture) {
        assert_eq!(f.store.cluster().await.unwrap(), None);
        let first = Cluster { id: ClusterId([1; 16]), key_id: 4_000_000_000, key_check: [2; 16] };
        let second = Cluster { id: ClusterId([3; 16]), ..first };
        assert_eq!(f.store.create_cluster(first).await.unwrap(), first);
        assert_eq!(f.store.create_cluster(second).await.unwrap(), first);
        assert_eq!(f.store.cluster().await.unwrap(), Some(first));
    }

    async fn backends_are_remembered(f: &Fixture) {
        let row = |id: &str, formatted| BackendRow {
            id: id.parse().unwrap(),
            url: "dir:d1".to_owned(),
            provider: "anna".to_owned(),
            zone: String::new(),
            formatted,
        };
        f.store.record_backend(row("d2", false)).await.unwrap();
        f.store.record_backend(row("d1", false)).await.unwrap();
        f.store.record_backend(row("d2", true)).await.unwrap();
        assert_eq!(f.store.backends().await.unwrap(), [row("d1", false), row("d2", true)]);
    }

    async fn users_have_keys_and_go_when_they_own_nothing(f: &Fixture) {
        let canonical = CanonicalId("b".repeat(64));
        let AddUser::Added(berta) = f.store.add_user("berta", &canonical, true).await.unwrap() else { panic!("new") };
        assert_eq!((berta.name.as_str(), berta.root, &berta.canonical_id), ("berta", true, &canonical));
        assert_eq!(f.store.add_user("berta", &CanonicalId("c".repeat(64)), false).await.unwrap(), AddUser::NameTaken);
        assert_eq!(f.store.add_user("carla", &canonical, false).await.unwrap(), AddUser::NameTaken);
        assert_eq!(f.store.add_access_key(berta.id, "AK2", b"sealed").await.unwrap(), AddAccessKey::Added);
        assert_eq!(f.store.add_access_key(berta.id, "AK1", b"sealed too").await.unwrap(), AddAccessKey::Added);
        assert_eq!(f.store.add_access_key(f.owner, "AK1", b"other").await.unwrap(), AddAccessKey::IdTaken);
        assert_eq!(f.store.add_access_key(UserId(99), "AK3", b"other").await.unwrap(), AddAccessKey::NoSuchUser);
        assert_eq!(f.store.access_key("AK1").await.unwrap(), Some((berta.clone(), b"sealed too".to_vec())));
        assert_eq!(f.store.access_key("ak1").await.unwrap(), None);
        assert_eq!(f.store.user(berta.id).await.unwrap().as_ref(), Some(&berta));
        assert_eq!(f.store.user_by_canonical_id(&canonical.0).await.unwrap().as_ref(), Some(&berta));
        assert_eq!(f.store.user_by_canonical_id("b").await.unwrap(), None);
        let users = f.store.users().await.unwrap();
        let shown: Vec<_> = users.iter().map(|(user, keys)| (user.name.as_str(), keys.join(" "))).collect();
        assert_eq!(shown, [("anna", String::new()), ("berta", "AK1 AK2".to_owned())]);

        assert_eq!(f.store.remove_user("anna").await.unwrap(), RemoveUser::OwnsBuckets);
        assert_eq!(f.store.remove_user("nobody").await.unwrap(), RemoveUser::NoSuchUser);
        assert_eq!(f.store.remove_user("berta").await.unwrap(), RemoveUser::Removed);
        assert_eq!(f.store.access_key("AK1").await.unwrap(), None);
        let AddUser::Added(again) = f.store.add_user("berta", &canonical, false).await.unwrap() else { panic!("free") };
        assert!(again.id > berta.id, "a number is never given twice");
    }

    async fn a_bucket_belongs_to_who_made_it(f: &Fixture) {
        let other = f.store.add_user("otto", &CanonicalId("0".repeat(64)), false).await.unwrap();
        let AddUser::Added(otto) = other else { panic!("new") };
        assert_eq!(f.store.bucket(&name("seals")).await.unwrap(), None);
        let made = f.store.create_bucket(NewBucket::new(f.owner, name("seals"), "eu-west-1")).await.unwrap();
        let CreateBucket::Created(seals) = made else { panic!("new") };
        assert_eq!((seals.location.as_str(), seals.owner), ("eu-west-1", f.owner));
        for _ in 0..2 {
            assert_eq!(f.store.bucket(&name("seals")).await.unwrap().as_ref(), Some(&seals));
        }
        let again = f.store.create_bucket(NewBucket::new(f.owner, name("seals"), "")).await.unwrap();
        assert_eq!(again, CreateBucket::OwnedByYou(seals.clone()));
        assert_eq!(f.store.create_bucket(NewBucket::new(otto.id, name("seals"), "")).await.unwrap(), CreateBucket::Taken);
        f.store.create_bucket(NewBucket::new(otto.id, name("sea.lions"), "")).await.unwrap();
        f.store.create_bucket(NewBucket::new(otto.id, name("walrus"), "")).await.unwrap();

        let listed = async |owner, prefix, after, limit| {
            let buckets = f.store.list_buckets(owner, prefix, after, limit).await.unwrap();
            buckets.iter().map(|bucket| bucket.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(listed(None, "", "", 10).await, ["first-bucket", "sea.lions", "seals", "walrus"]);
        assert_eq!(listed(Some(otto.id), "", "", 10).await, ["sea.lions", "walrus"]);
        assert_eq!(listed(None, "sea", "", 10).await, ["sea.lions", "seals"]);
        assert_eq!(listed(None, "sea", "sea.lions", 10).await, ["seals"]);
        assert_eq!(listed(None, "", "", 1).await, ["first-bucket"]);
    }

    async fn the_name_of_a_deleted_bucket_is_held_for_its_account(f: &Fixture) {
        let other = f.store.add_user("otto", &CanonicalId("0".repeat(64)), false).await.unwrap();
        let AddUser::Added(otto) = other else { panic!("new") };
        let make = async |owner| f.store.create_bucket(NewBucket::new(owner, name("seals"), "")).await.unwrap();
        let remove = async |made: CreateBucket, seconds| {
            let CreateBucket::Created(bucket) = made else { panic!("{made:?}") };
            assert_eq!(f.store.delete_bucket(bucket.id, seconds).await.unwrap(), DeleteBucket::Deleted);
        };
        remove(make(f.owner).await, 3_600).await;
        assert_eq!(make(otto.id).await, CreateBucket::Taken, "it is held");
        assert_eq!(f.store.bucket(&name("seals")).await.unwrap(), None, "and nothing was made");
        remove(make(f.owner).await, 0).await;
        remove(make(otto.id).await, 3_600).await;
        assert_eq!(make(f.owner).await, CreateBucket::Taken, "it is held for the last who had it");
        f.store.prune().await.unwrap();
        assert_eq!(f.one_int("SELECT COUNT(*) FROM bucket_name_hold").await, 1, "what is not over stays");
        f.meddle("UPDATE bucket_name_hold SET held_until = 1").await;
        assert!(matches!(make(f.owner).await, CreateBucket::Created(_)), "the hold is over");
        assert_eq!(f.one_int("SELECT COUNT(*) FROM bucket_name_hold").await, 0);
    }

    async fn a_bucket_goes_when_it_is_empty_and_takes_its_uploads_along(f: &Fixture) {
        f.put("key", 1).await;
        assert_eq!(f.store.delete_bucket(f.bucket, 0).await.unwrap(), DeleteBucket::NotEmpty);
        f.delete("key").await;
        let upload = Upload {
            id: UploadId([1; 16]),
            bucket: f.bucket,
            key: key("film"),
            attributes: ObjectAttributes::default(),
            lock: crate::domain::VersionLock::NONE,
            checksum: None,
            created_at: Timestamp(1),
        };
        f.store.create_upload(&upload, f.owner).await.unwrap();
        assert!(f.store.bucket(&name("first-bucket")).await.unwrap().is_some());
        assert_eq!(f.store.delete_bucket(f.bucket, 0).await.unwrap(), DeleteBucket::Deleted);
        assert_eq!(f.store.bucket(&name("first-bucket")).await.unwrap(), None, "gone from the cache too");
        let query = UploadListQuery { limit: 9, ..UploadListQuery::default() };
        assert_eq!(f.store.list_uploads(f.bucket, &query).await.unwrap().entries, []);
        assert_eq!(f.store.delete_bucket(f.bucket, 0).await.unwrap(), DeleteBucket::NoSuchBucket);
        assert_eq!(f.store.delete_bucket(BucketId(77), 0).await.unwrap(), DeleteBucket::NoSuchBucket);
        let CreateBucket::Created(again) = f.store.create_bucket(NewBucket::new(f.owner, name("first-bucket"), "")).await.unwrap() else {
            panic!("the name is free");
        };
        assert_ne!(again.id, f.bucket);
        let put = Change::Put(f.put_change(f.version("late", Vec::new())));
        let outcomes = f.commit(Batch { blobs: Vec::new(), changes: vec![put] }).await.unwrap();
        assert_eq!(outcomes, [Outcome::Refused(Refusal::NoSuchBucket)]);
    }
}
