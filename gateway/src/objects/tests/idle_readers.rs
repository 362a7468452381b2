//! Clients that take nothing of what was read for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
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

/// Memory for thirty-two connections that have been handed something; forty keep that and send nothing. Each piece is memory as long as it is
/// there, so the first of them are cut when others wait.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_send_nothing_are_cut_when_others_wait() {
    let fixture = Fixture::build("rs-2-1", 3, |_, store| store, 32 << 20).await;
    let body = content((3 << 20) + 5);
    fixture.put("large", &body).await.expect("stored");
    let (cut, mut cuts) = tokio::sync::mpsc::unbounded_channel();
    let connections = Arc::new(Mutex::new(HashMap::new()));
    let closing = {
        let connections = Arc::clone(&connections);
        tokio::spawn(async move {
            let mut closed = 0;
            while let Some(number) = cuts.recv().await {
                drop(connections.lock().expect("never poisoned").remove(&number));
                closed += 1;
            }
            closed
        })
    };
    for number in 0..40 {
        let mut reader = fixture.open("large", 0..body.len() as u64).await.expect("memory came free");
        let cut = cut.clone();
        let revocation = reader.revocation().expect("large enough to matter");
        revocation.on_revoked(move || cut.send(number).expect("somebody closes"));
        let first = reader.next().await.expect("a piece").expect("readable");
        connections.lock().expect("never poisoned").insert(number, (reader, first));
    }
    assert!(fixture.get("large").await.expect("readable") == body, "another client reads all of it");
    let left = std::mem::take(&mut *connections.lock().expect("never poisoned"));
    assert!(left.len() >= 40 - 2 * 16, "no more are cut than are needed: {} are left", left.len());
    let pieces: Vec<_> = left.into_values().map(|(reader, first)| (drop(reader), first)).collect();
    let memory = &fixture.objects.inner.read_memory;
    assert!(memory.try_take((16 << 20) - (1 << 19) * (pieces.len() as u64 - 1)).is_none(), "what is not sent is there");
    drop(pieces);
    assert!(memory.try_take(16 << 20).is_some(), "all of it came back");
    drop(cut);
    assert!(closing.await.expect("it ends") > 0, "some were cut");
}
