//! Writes that lock or share what they write.

use std::sync::Arc;

use crate::domain::{
    AccessList, Bucket, DefaultRetention, Grant, Grantee, ObjectAttributes, ObjectLock, RetentionMode, RetentionPeriod,
    Right, VersionLock, WriteCondition,
};
use crate::metadata::{CreateBucket, NewBucket};
use crate::objects::requests::{Copy, Put};
use crate::objects::tests::fixture::{Fixture, content, object_key};
use crate::objects::write::body::{BodyPromise, BytesBody};

const HELD: VersionLock = VersionLock { retention: None, legal_hold: Some(true) };

impl Fixture {
    /// Another bucket with object lock, and a default retention if it is to have one.
    async fn locked_bucket(&self, name: &str, retains: bool) -> Arc<Bucket> {
        let name: crate::domain::BucketName = name.parse().expect("a bucket name");
        let new = NewBucket::new(self.bucket.owner, name.clone(), "").with_object_lock();
        let CreateBucket::Created(bucket) = self.metadata.create_bucket(new).await.expect("rows") else {
            panic!("a new bucket")
        };
        let default = DefaultRetention { mode: RetentionMode::Compliance, period: RetentionPeriod::Days(1) };
        let lock = ObjectLock { default: retains.then_some(default) };
        self.metadata.set_object_lock(&bucket, lock).await.expect("rows");
        self.metadata.bucket(&name).await.expect("rows").expect("a bucket")
    }

    fn new_object(&self, key: &str, lock: VersionLock, attributes: ObjectAttributes) -> Put {
        Put {
            origin: None,
            bucket: Arc::clone(&self.bucket),
            key: object_key(key),
            attributes,
            lock,
            condition: WriteCondition::None,
            promise: BodyPromise::default(),
            cipher: None,
        }
    }
}

fn listed() -> ObjectAttributes {
    let everybody = Grant { to: Grantee::Everybody, right: Right::Read };
    ObjectAttributes { acl: Some(AccessList { grants: vec![everybody] }), ..ObjectAttributes::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_write_locks_is_in_the_journal_when_it_is_answered() {
    let mut fixture = Fixture::new("rs-4-2", 6).await;
    let plain = Arc::clone(&fixture.bucket);
    for retains in [false, true] {
        let lock = if retains { VersionLock::NONE } else { HELD };
        fixture.bucket = Arc::clone(&plain);
        fixture.put("source", &content(10)).await.expect("stored");
        assert!(fixture.unjournaled().await > 0, "a write without a lock does not wait");
        fixture.bucket = fixture.locked_bucket(if retains { "retaining" } else { "holding" }, retains).await;

        for size in [10, 3 << 20] {
            let put = fixture.new_object("written", lock, ObjectAttributes::default());
            fixture.objects.put(put, Box::new(BytesBody::new(content(size)))).await.expect("stored");
            assert_eq!(fixture.unjournaled().await, 0, "a write, {size}, {retains}");
        }

        let source = fixture.objects.current(&plain, &object_key("source")).await.expect("rows").expect("a version");
        let copy = Copy { source_bucket: Arc::clone(&plain), lock, ..fixture.copy_of(source, "copied") };
        fixture.objects.copy(copy).await.expect("copied");
        assert_eq!(fixture.unjournaled().await, 0, "a copy, {retains}");

        let upload = Arc::new(fixture.begin_with("in parts", lock).await);
        let part = fixture.part(&upload, 1, &content(100)).await;
        assert!(fixture.unjournaled().await > 0, "nothing is locked yet");
        let complete = fixture.completion(&upload, &[&part]);
        fixture.objects.complete_upload(complete.clone()).await.expect("completed");
        assert_eq!(fixture.unjournaled().await, 0, "an upload, {retains}");

        // As if the first reply had been that the journal lacks it.
        fixture.metadata.meddle("UPDATE bucket SET location = location").await;
        assert!(fixture.unjournaled().await > 0);
        fixture.objects.complete_upload(complete).await.expect("told again");
        assert_eq!(fixture.unjournaled().await, 0, "an upload that is completed again, {retains}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_list_that_comes_with_a_write_is_in_the_journal_when_it_is_answered() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = || Box::new(BytesBody::new(content(10)));
    fixture.objects.put(fixture.new_object("put", VersionLock::NONE, listed()), body()).await.expect("stored");
    assert_eq!(fixture.unjournaled().await, 0);
    let put = fixture.new_object("appended", VersionLock::NONE, listed());
    fixture.objects.append(put, 0, body()).await.expect("appended");
    assert_eq!(fixture.unjournaled().await, 0);
}
