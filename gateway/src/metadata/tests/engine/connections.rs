//! Futures that are dropped, and replies that are lost.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::clock::{Ambient, Entropy, SystemEntropy, random};
use crate::metadata::MetadataStore;
use crate::metadata::commit::{Batch, Change, Outcome};
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::MetadataError;
use crate::metadata::tests::engine::wire::{At, Fault, Wire};
use crate::metadata::tests::fixture::{Fixture, both, key, whole};
use crate::tests::wait_until;

const COMMIT: At = At::Text("COMMIT\0");
/// Of the question whether a transaction was committed.
const QUESTION: At = At::Text("ON CONFLICT (token)");

/// Polls a future so many times, then drops it; what it answered if it came to its end before.
async fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    struct Polled<'a, F> {
        future: Pin<&'a mut F>,
        left: usize,
    }
    impl<F: Future> Future for Polled<'_, F> {
        type Output = Option<F::Output>;
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            self.left -= 1;
            match self.future.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if self.left == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        }
    }
    let future = pin!(future);
    Polled { future, left: polls }.await
}

/// Takes every connection there is and writes through each without a transaction. What was answered `Ok` must be there
/// when others look: a connection that still has somebody's transaction open would swallow it.
async fn nothing_is_swallowed(f: &Fixture) {
    let database = f.store.database();
    let mut held: Vec<Session> = Vec::new();
    let most = if f.url.starts_with("sqlite:") { 1 } else { 4 };
    while held.len() < most {
        held.push(database.plain_writer().await);
    }
    let before = f.one_int("SELECT COUNT(*) FROM backend").await;
    for session in &mut held {
        let name = hex::encode(random::<8>(&SystemEntropy as &dyn Entropy));
        let text =
            "INSERT INTO backend (name, url, provider, zone, formatted, created_at) VALUES ($1, '', '', '', TRUE, 0)";
        session.execute(Statement::new(text).bind(&*name)).await.unwrap();
    }
    drop(held);
    let after = f.one_int("SELECT COUNT(*) FROM backend").await;
    assert_eq!(after - before, i64::try_from(most).unwrap(), "an acknowledged write was lost");
}

both! {
    async fn whoever_drops_a_transaction_poisons_no_connection(f: &Fixture) {
        let database = f.store.database();
        let mut came_through = false;
        for polls in 1..=24 {
            let token = random(&SystemEntropy as &dyn Entropy);
            let scenario = async {
                let mut tx = database.begin(&token).await?;
                let text = "UPDATE backend SET zone = 'changed'";
                tx.execute(Statement::new(text)).await?;
                tx.command("COMMIT").await?;
                Ok::<_, MetadataError>(())
            };
            let end = polled(scenario, polls).await;
            came_through |= end.is_some();
            if let Some(result) = end {
                result.unwrap();
            }
            nothing_is_swallowed(f).await;
        }
        assert!(came_through, "the last ones had enough polls, so every await was met");
    }

    async fn a_transaction_that_failed_and_was_dropped_poisons_no_connection(f: &Fixture) {
        for _ in 0..4 {
            let token = random(&SystemEntropy as &dyn Entropy);
            let mut tx = f.store.database().begin(&token).await.unwrap();
            assert!(tx.execute(Statement::new("UPDATE no_such_table SET x = 1")).await.is_err(), "it fails");
            drop(tx);
            nothing_is_swallowed(f).await;
        }
    }

    async fn work_whose_caller_is_dropped_goes_on(f: &Fixture) {
        for polls in 1..=6 {
            let gateway = format!("gateway {polls}");
            let _ = polled(f.store.begin_incarnation(&gateway, 60), polls).await;
            nothing_is_swallowed(f).await;
        }
        wait_until("all six have begun, beside the fixture's own", async || {
            (f.one_int("SELECT COUNT(*) FROM incarnation").await == 7).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_reply_is_lost_is_found_out_about() {
    let f = Fixture::postgres().await;
    let wire = Wire::to(&f.url).await;
    let remote = MetadataStore::open(&wire.url, Ambient::system()).await.unwrap();
    let cuts = [Fault::CutAfter, Fault::CutBefore, Fault::CutAfter, Fault::CutBefore];
    for (round, cut) in cuts.into_iter().enumerate() {
        let name = format!("key{round}");
        let blob = f.blob(10, false);
        let version = f.version(&name, whole(&blob));
        let put = Change::Put(f.put_change(version.clone()));
        let batch = Batch { blobs: vec![blob], changes: vec![put] };
        wire.arm([(COMMIT, cut)]);
        let outcomes = remote.commit(f.incarnation, batch).await.unwrap();
        assert!(wire.is_done(), "the wire was cut");
        assert_eq!(outcomes, [Outcome::STORED]);
        let stored = f.store.current(f.bucket, &key(&name)).await.unwrap().unwrap();
        assert_eq!(*stored, version, "there, whether the lost transaction or a second one has written it");
    }
    assert_eq!(f.one_int("SELECT COUNT(*) FROM version").await, 4);
    assert_eq!(f.dead().await, [], "nothing was written twice");
    f.agrees_with_itself().await;
}

/// The transaction never reached COMMIT. The first question whether it did is answered, and that answer is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_whose_reply_is_lost_makes_nobody_believe_in_a_commit() {
    let f = Fixture::postgres().await;
    let wire = Wire::to(&f.url).await;
    let remote = MetadataStore::open(&wire.url, Ambient::system()).await.unwrap();
    let blob = f.blob(10, false);
    let version = f.version("key", whole(&blob));
    let batch = Batch { blobs: vec![blob], changes: vec![Change::Put(f.put_change(version.clone()))] };
    wire.arm([(COMMIT, Fault::CutBefore), (QUESTION, Fault::CutAfter)]);
    assert_eq!(remote.commit(f.incarnation, batch).await.unwrap(), [Outcome::STORED]);
    assert!(wire.is_done(), "COMMIT and the question about it");
    let stored = f.store.current(f.bucket, &key("key")).await.unwrap().expect("what was acknowledged is there");
    assert_eq!(*stored, version);
    f.agrees_with_itself().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_connections_are_killed_goes_on() {
    let f = Fixture::postgres().await;
    f.put("before", 1).await;
    let other = f.other_gateway().await;
    let kill = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 0..4 {
        other.database().row(Statement::new(kill)).await.unwrap();
        // The first statement on a dead connection fails, and nothing was changed by it; soon there are new ones.
        let name = format!("key{round}");
        let mut tries = 0;
        loop {
            let version = f.version(&name, Vec::new());
            let put = Change::Put(f.put_change(version));
            let batch = Batch { blobs: Vec::new(), changes: vec![put] };
            match f.commit(batch).await {
                Ok(outcomes) => break assert_eq!(outcomes, [Outcome::STORED]),
                Err(error) => assert!(matches!(error, MetadataError::Unavailable(_)) && tries < 20, "{error}"),
            }
            tries += 1;
        }
    }
    drop(other);
    assert_eq!(f.one_int("SELECT COUNT(*) FROM version").await, 5);
}
