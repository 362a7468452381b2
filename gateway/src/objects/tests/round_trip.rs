//! What is put is what is got.

use crate::domain::WriteCondition;
use crate::objects::error::ObjectsError;
use crate::objects::tests::fixture::{Fixture, content};

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_every_size_come_back_and_so_do_their_ranges() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let mib = 1 << 20;
    for bytes in [0, 1, 15, 4_096, 65_536, 65_537, mib, mib + 1, 5 * mib + 77, 17 * mib + 3] {
        let body = content(bytes);
        let stored = fixture.put("key", &body).await.expect("stored");
        assert_eq!(stored.size, bytes as u64);
        assert!(fixture.get("key").await.expect("read") == body, "{bytes} bytes");
        for (start, end) in [(0, 1), (bytes / 2, bytes / 2 + 70_000), (bytes.saturating_sub(5), bytes)] {
            let end = end.min(bytes);
            let part = fixture.get_range("key", start as u64..end as u64).await.expect("read");
            assert!(part == body[start.min(end)..end], "{start}..{end} of {bytes}");
        }
    }
    assert!(fixture.check().await.clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_come_together_share_quilts() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let bodies: Vec<_> = (0..100).map(|at| content(at * 37 + 1)).collect();
    let keys: Vec<_> = (0..100).map(|at| format!("small/{at}")).collect();
    let puts = keys.iter().zip(&bodies).map(|(key, body)| fixture.put(key, body));
    for stored in futures::future::join_all(puts).await {
        stored.expect("stored");
    }
    for (key, body) in keys.iter().zip(&bodies) {
        assert!(fixture.get(key).await.expect("read") == *body, "{key}");
    }
    assert!(fixture.slivers().await < 100 * 6 / 4, "a hundred objects in a few quilts");
    assert!(fixture.check().await.clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_conditional_writers_one_wins() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    let body = content(100);
    let puts = (0..32).map(|_| fixture.put_if("key", &body, WriteCondition::Absent));
    let outcomes = futures::future::join_all(puts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(
        outcomes
            .iter()
            .flat_map(|outcome| outcome.as_ref().err())
            .all(|e| matches!(e, ObjectsError::PreconditionFailed))
    );
    fixture.collect().await;
    assert!(fixture.check().await.clean());
}
