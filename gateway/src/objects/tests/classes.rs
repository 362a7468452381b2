//! Storage classes: schemes by name, and versions that move between them.

use crate::domain::{ObjectAttributes, VersionSelector};

use super::world::{World, content, object_key};

impl World {
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

    async fn move_to(&self, key: &str, class: &str) {
        let key = object_key(key);
        let version = self.objects.current(&self.bucket, &key).await.expect("read").expect("a version");
        let which = (version.id, VersionSelector::Current);
        self.objects.transition(&self.bucket, &key, which, class).await.expect("moved");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_moves_to_another_class_and_back_and_stays_what_it_is() {
    let world = World::new("rs-4-2", 6).await;
    for (key, body) in [("small", content(3_000)), ("large", content(20 << 20)), ("other", content(500))] {
        world.put(key, &body).await.expect("stored");
        let before = world.objects.current(&world.bucket, &object_key(key)).await.expect("read").expect("a version");
        world.move_to(key, "STANDARD_IA").await;
        let after = world.objects.current(&world.bucket, &object_key(key)).await.expect("read").expect("a version");
        assert_eq!(world.schemes(key).await, ["rs-2-1"]);
        assert_eq!((after.id, after.etag, after.modified_at), (before.id, before.etag, before.modified_at));
        assert_eq!(after.attributes.class(), "STANDARD_IA");
        assert!(world.get(key).await.expect("read") == body);
        world.move_to(key, ObjectAttributes::STANDARD).await;
        assert_eq!(world.schemes(key).await, ["rs-4-2"]);
        assert!(world.get(key).await.expect("read") == body);
    }
    world.collect().await;
    let report = world.check().await;
    assert_eq!((report.degraded_blobs, report.unreadable_blobs), (0, 0), "{report:?}");
    assert_eq!(report.metadata, Vec::<String>::new());
}
