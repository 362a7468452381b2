//! Senders that are slow, beside others that are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::domain::{ChecksumAlgorithm, ObjectAttributes, Peer, WriteCondition};
use crate::objects::error::ObjectsError;
use crate::objects::requests::Put;
use crate::objects::tests::fixture::{Fixture, content, object_key};
use crate::objects::write::body::{BodyPromise, IncomingBody};
use crate::objects::write::body_error::BodyError;
use crate::tests::wait_until;

/// Sends half, and the rest when it is released.
struct Halting {
    left: Vec<Bytes>,
    go: watch::Receiver<bool>,
    /// How many halt.
    halting: Arc<AtomicUsize>,
    peer: Option<Peer>,
}

impl Halting {
    fn new(body: &Bytes, go: watch::Receiver<bool>, halting: Arc<AtomicUsize>) -> Self {
        let half = body.len() / 2;
        Self { left: vec![body.slice(half..), body.slice(..half)], go, halting, peer: None }
    }

    fn of(self, peer: Peer) -> Self {
        Self { peer: Some(peer), ..self }
    }
}

#[async_trait]
impl IncomingBody for Halting {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        if self.left.len() == 1 {
            self.halting.fetch_add(1, Ordering::Relaxed);
            self.go.wait_for(|go| *go).await.map_err(|_| BodyError::Incomplete)?;
        }
        Ok(self.left.pop())
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        None
    }

    fn peer(&self) -> Option<Peer> {
        self.peer
    }
}

fn put(fixture: &Fixture, key: &str, body: &Bytes) -> Put {
    Put {
        origin: None,
        bucket: Arc::clone(&fixture.bucket),
        key: object_key(key),
        attributes: ObjectAttributes::default(),
        condition: WriteCondition::None,
        promise: BodyPromise { length: Some(body.len() as u64), ..BodyPromise::default() },
        lock: crate::domain::VersionLock::NONE,
        cipher: None,
    }
}

/// Memory for three streams; forty halting senders, small and large, come before everybody else.
#[tokio::test(flavor = "multi_thread")]
async fn slow_senders_do_not_hold_up_others() {
    let fixture = Fixture::build("rs-4-2", 6, |_, store| store, 24 << 20).await;
    let (release, go) = watch::channel(false);
    let (begun, halting) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let bodies: Vec<Bytes> = (0..40).map(|at| content(if at % 2 == 0 { 700 << 10 } else { 3 << 20 })).collect();
    let slow: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(at, body)| {
            let put = put(&fixture, &format!("slow {at}"), body);
            let (objects, begun) = (fixture.objects.clone(), Arc::clone(&begun));
            let sender = Halting::new(body, go.clone(), Arc::clone(&halting));
            tokio::spawn(async move {
                begun.fetch_add(1, Ordering::Relaxed);
                objects.put(put, Box::new(sender)).await
            })
        })
        .collect();
    wait_until("all have begun, and some halt", async || {
        (begun.load(Ordering::Relaxed) == 40 && halting.load(Ordering::Relaxed) >= 3).then_some(())
    })
    .await;
    let began = Instant::now();
    for at in 0..4 {
        let body = content(5 << 20);
        fixture.put(&format!("fast {at}"), &body).await.expect("stored while others halt");
    }
    assert!(began.elapsed() < Duration::from_secs(45), "memory came free long before the halting senders went on");
    assert!(slow.iter().all(|put| !put.is_finished()), "nobody was refused");
    release.send_replace(true);
    for (at, (put, body)) in slow.into_iter().zip(bodies).enumerate() {
        let stored = put.await.expect("it ended").expect("stored");
        assert_eq!(stored.size, body.len() as u64);
        assert!(fixture.get(&format!("slow {at}")).await.expect("read") == body, "slow {at}");
    }
}

/// Memory for three streams, and a hundred senders of one address, of which most would have to wait.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_waits_for_no_more_writes_than_there_is_memory() {
    let fixture = Fixture::build("rs-4-2", 6, |_, store| store, 24 << 20).await;
    let (release, go) = watch::channel(false);
    let halting = Arc::new(AtomicUsize::new(0));
    let (greedy, other) = (Peer::of([192, 0, 2, 1].into()), Peer::of([192, 0, 2, 2].into()));
    let body = content(3 << 20);
    let writes: Vec<_> = (0..100)
        .map(|at| {
            let put = put(&fixture, &format!("greedy {at}"), &body);
            let sender = Halting::new(&body, go.clone(), Arc::clone(&halting)).of(greedy);
            let objects = fixture.objects.clone();
            tokio::spawn(async move { objects.put(put, Box::new(sender)).await })
        })
        .collect();
    wait_until("most are refused at once", async || {
        (writes.iter().filter(|put| put.is_finished()).count() > 50).then_some(())
    })
    .await;
    let (released, go) = watch::channel(true);
    let late = Halting::new(&body, go, Arc::clone(&halting)).of(other);
    fixture.objects.put(put(&fixture, "late", &body), Box::new(late)).await.expect("stored while others wait");
    drop(released);
    release.send_replace(true);
    let mut stored = 0;
    for (at, write) in writes.into_iter().enumerate() {
        match write.await.expect("it ended") {
            Ok(_) => {
                stored += 1;
                assert!(fixture.get(&format!("greedy {at}")).await.expect("read") == body);
            }
            Err(ObjectsError::Unavailable(cause)) => assert!(cause.contains("this address"), "{cause}"),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(stored >= 3, "those who had memory are stored");
}
