//! Storage classes: schemes by name, and versions that move between them.

use crate::domain::{ObjectAttributes, VersionSelector};
use crate::objects::edit::transition::Selected;

use crate::objects::tests::fixture::{Fixture, content, object_key};

impl Fixture {
    /// How the blobs of a key are coded.
    async fn schemes(&self, key: &str) -> Vec<String> {
        let version = self.objects.current(&self.bucket, &object_key(key)).await.expect("read").expect("a version");
        let mut schemes = Vec::new();
        for extent in &version.extents {
            let blob = self.metadata.blob(&extent.blob).await.expect("read").expect("a blob");
            schemes.push(blob.layout.shape.scheme.to_string());
        }
        schemes.dedup();
        schemes
    }

    /// What the meters say lies in the bucket, and what the blobs of a key say it should be.
    async fn metered(&self, key: &str) -> (u64, u64) {
        let version = self.objects.current(&self.bucket, &object_key(key)).await.expect("read").expect("a version");
        let mut encoded = 0;
        for extent in &version.extents {
            let blob = self.metadata.blob(&extent.blob).await.expect("read").expect("a blob");
            encoded += blob.layout.encoded_len();
        }
        let usage = self.metadata.usage(self.bucket.id, 0, i64::MAX).await.expect("read");
        (
            usage.iter().map(|hour| hour.encoded_bytes_added).sum::<u64>()
                - usage.iter().map(|hour| hour.encoded_bytes_removed).sum::<u64>(),
            encoded,
        )
    }

    async fn move_to(&self, key: &str, class: &str) {
        let key = object_key(key);
        let version = self.objects.current(&self.bucket, &key).await.expect("read").expect("a version");
        let which = Selected { id: version.id, selector: VersionSelector::Current };
        self.objects.transition(&self.bucket, &key, which, class).await.expect("moved");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_metered_by_the_class_its_bytes_are_in_now() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.put("large", &content(20 << 20)).await.expect("stored");
    let (before, expected) = fixture.metered("large").await;
    assert_eq!(before, expected);
    fixture.move_to("large", "STANDARD_IA").await;
    let (moved, expected) = fixture.metered("large").await;
    assert_eq!(moved, expected);
    assert_ne!(moved, before);
    fixture.move_to("large", ObjectAttributes::STANDARD).await;
    assert_eq!(fixture.metered("large").await, (before, before));
    fixture.delete("large").await.expect("deleted");
    let usage = fixture.metadata.usage(fixture.bucket.id, 0, i64::MAX).await.expect("read");
    let came: u64 = usage.iter().map(|hour| hour.encoded_bytes_added).sum();
    assert_eq!(came, usage.iter().map(|hour| hour.encoded_bytes_removed).sum::<u64>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_moves_to_another_class_and_back_and_stays_what_it_is() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    for (key, body) in [("small", content(3_000)), ("large", content(20 << 20)), ("other", content(500))] {
        fixture.put(key, &body).await.expect("stored");
        let before =
            fixture.objects.current(&fixture.bucket, &object_key(key)).await.expect("read").expect("a version");
        fixture.move_to(key, "STANDARD_IA").await;
        let after = fixture.objects.current(&fixture.bucket, &object_key(key)).await.expect("read").expect("a version");
        assert_eq!(fixture.schemes(key).await, ["rs-2-1"]);
        assert_eq!((after.id, after.etag, after.modified_at), (before.id, before.etag, before.modified_at));
        assert_eq!(after.attributes.class(), "STANDARD_IA");
        assert!(fixture.get(key).await.expect("read") == body);
        fixture.move_to(key, ObjectAttributes::STANDARD).await;
        assert_eq!(fixture.schemes(key).await, ["rs-4-2"]);
        assert!(fixture.get(key).await.expect("read") == body);
    }
    fixture.collect().await;
    let report = fixture.check().await;
    assert_eq!((report.degraded_blobs, report.unreadable_blobs), (0, 0), "{report:?}");
    assert_eq!(report.metadata, Vec::<String>::new());
}
