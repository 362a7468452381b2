//! Slivers are deleted when the journal knows why.

use crate::objects::tests::fixture::{Fixture, content};

/// A database that is rebuilt from the journal must find what its rows name.
#[tokio::test(flavor = "multi_thread")]
async fn a_sliver_that_moved_is_deleted_when_the_journal_has_the_move() {
    let fixture = Fixture::new("rs-4-2", 8).await;
    fixture.put("key", &content(3 << 20)).await.expect("stored");
    fixture.objects.await_journal().await.expect("written");
    let (id, _) = fixture.first_sliver("key").await;
    let before = fixture.move_only(id, 2).await;
    assert!(fixture.unjournaled().await > 0, "the moves");
    assert_eq!(fixture.objects.discard().await.expect("discarded"), before.len());
    assert_eq!(fixture.unjournaled().await, 0, "they were deleted, and a rebuilt database would look for them");
}
