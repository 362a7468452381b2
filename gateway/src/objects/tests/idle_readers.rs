//! Clients that take nothing of what was read for them.

use std::time::{Duration, Instant};

use futures::StreamExt as _;

use crate::objects::ObjectReader;
use crate::objects::tests::fixture::{Fixture, content};

async fn rest_of(mut reader: ObjectReader) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await {
        bytes.extend_from_slice(&piece.expect("readable"));
    }
    bytes
}

/// Memory for four streams; twelve clients, of large objects and of some that are read in one step, stop after a piece. Others
/// are served all the same, and the twelve get every byte when they go on, in any order.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_take_nothing_keep_nobody_from_reading() {
    let fixture = Fixture::build("rs-2-1", 3, |_, store| store, 32 << 20).await;
    let (large, middle) = (content((12 << 20) + 5), content((1 << 20) + (1 << 19)));
    fixture.put("large", &large).await.expect("stored");
    fixture.put("middle", &middle).await.expect("stored");
    let began = Instant::now();
    let mut idle = Vec::new();
    for at in 0..12 {
        let (key, body) = if at % 3 == 0 { ("middle", &middle) } else { ("large", &large) };
        let from = at * 1_000;
        let mut reader = fixture.open(key, from..body.len() as u64).await.expect("memory came free");
        let first = reader.next().await.expect("a piece").expect("readable");
        assert!(body[usize::try_from(from).expect("small")..].starts_with(&first), "{key} from {from}");
        idle.push((reader, &body[usize::try_from(from).expect("small") + first.len()..]));
    }
    assert!(fixture.get("large").await.expect("readable") == large, "another client reads all of it");
    assert!(began.elapsed() < Duration::from_secs(40), "nobody waited for the idle ones");
    for (reader, rest) in idle.into_iter().rev() {
        assert!(rest_of(reader).await == rest, "the rest of {} bytes", rest.len());
    }
    assert!(fixture.objects.inner.read_memory.try_take(16 << 20).is_some(), "all of it came back");
}
