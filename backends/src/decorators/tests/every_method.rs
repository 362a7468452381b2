//! What a decorator adds, it adds to every method; everything else passes through it unchanged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::decorators::tests::recording::{RecordedMetrics, Recording};
use crate::decorators::tests::{bytes, name};
use crate::decorators::{Breaker, CircuitPolicy, Deadline, Deadlines, Fault, Faults, Faulty, Metered};
use crate::{Challenge, Operation, SliverStore, SliverWriter, StoreError};

/// The answer of one method, and how many seconds it took.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    method: &'static str,
    result: Result<String, StoreError>,
    seconds: u64,
}

/// Writers that were opened while the store still worked, each for one method.
struct Writers([Box<dyn SliverWriter>; 4]);

impl Writers {
    async fn open(store: &dyn SliverStore) -> Self {
        let mut opened = Vec::new();
        for blob in 1..=4 {
            opened.push(store.create(&name(blob, 0, 0)).await.unwrap());
        }
        Self(opened.try_into().unwrap_or_else(|_| panic!("four were opened")))
    }
}

async fn timed<T: std::fmt::Debug>(method: &'static str, work: impl Future<Output = Result<T, StoreError>>) -> Answer {
    let begin = Instant::now();
    let result = work.await.map(|value| format!("{value:?}"));
    Answer { method, result, seconds: begin.elapsed().as_secs() }
}

/// Calls every method of a store and of its writers once. `probe` is last: it closes an open circuit.
async fn call_every_method(store: &dyn SliverStore, writers: Writers) -> Vec<Answer> {
    let Writers([mut write, mut write_parts, seal, abort]) = writers;
    let sliver = name(9, 2, 3);
    let aborted = async {
        abort.abort().await;
        Ok(())
    };
    let listed = async {
        let entries: Vec<_> = store.list().collect().await;
        entries.into_iter().collect::<Result<Vec<_>, _>>()
    };
    store.require_generation(7);
    let position = codec::SamplePosition { stripe: 1, sample: 2 };
    let challenge = Challenge { position, epoch: 3, nonce: [4; 32] };
    vec![
        timed("write", write.write(Bytes::from_static(b"abc"))).await,
        timed("write_parts", write_parts.write_parts([bytes("de"), bytes("fgh")].concat())).await,
        timed("seal", seal.seal()).await,
        timed("abort", aborted).await,
        timed("create", async { store.create(&sliver).await.map(drop) }).await,
        timed("put", store.put(&sliver, [bytes("ij"), bytes("kl")].concat())).await,
        timed("read", store.read(&sliver, 2..9)).await,
        timed("len", store.len(&sliver)).await,
        timed("prove", store.prove(&sliver, &challenge)).await,
        timed("delete", store.delete(&sliver)).await,
        timed("trash", store.trash(&sliver)).await,
        timed("list", listed).await,
        timed("sweep", store.sweep(5)).await,
        timed("pulse", store.pulse()).await,
        timed("beat", store.beat(Bytes::from_static(b"beat"))).await,
        timed("begin_epoch", store.begin_epoch(5, [6; 32])).await,
        timed("reveal_epoch", store.reveal_epoch(5, [7; 32])).await,
        timed("report_verdicts", store.report_verdicts(&[])).await,
        timed("probe", store.probe()).await,
    ]
}

/// The answers of every method, and the calls that reached the innermost store, those of the writers' creation left out.
async fn play(store: &dyn SliverStore, innermost: &Recording) -> (Vec<Answer>, Vec<String>) {
    let writers = Writers::open(store).await;
    innermost.take_calls();
    let answers = call_every_method(store, writers).await;
    (answers, innermost.take_calls())
}

type Decorate = fn(Recording) -> Arc<dyn SliverStore>;

#[tokio::test(start_paused = true)]
async fn arguments_answers_and_errors_pass_unchanged() {
    let decorators: [(&str, Decorate); 4] = [
        ("deadline", |inner| Arc::new(Deadline::new(Arc::new(inner), Deadlines::default()))),
        ("metered", |inner| Arc::new(Metered::new(Arc::new(inner), "b"))),
        ("breaker", |inner| Arc::new(Breaker::new(Arc::new(inner), "b", CircuitPolicy::default()))),
        ("faulty", |inner| Arc::new(Faulty::new(Arc::new(inner), Faults::new(1)))),
    ];
    for inner in [Recording::default(), Recording::failing()] {
        let (answers, calls) = play(&inner, &inner).await;
        assert_eq!((answers.len(), calls.len()), (19, 20), "every method was called once");
        for (decorator, decorate) in decorators {
            let decorated = decorate(inner.clone());
            let (decorated_answers, decorated_calls) = play(decorated.as_ref(), &inner).await;
            assert_eq!(decorated_answers, answers, "{decorator}");
            assert_eq!(decorated_calls, calls, "{decorator}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_every_method() {
    let (inner, faults) = (Recording::default(), Faults::new(1));
    let faulty = Arc::new(Faulty::new(Arc::new(inner.clone()), faults.clone()));
    let (small, sweep) = (Duration::from_secs(3), Duration::from_secs(60));
    let store = Deadline::new(faulty, Deadlines { small, bytes_per_second_min: 1, sweep });
    let writers = Writers::open(&store).await;
    faults.set_all(Fault::Hang);
    for answer in call_every_method(&store, writers).await {
        // The bytes of `call_every_method`, one second each.
        let seconds = match answer.method {
            "write" => 3 + 3,
            "write_parts" => 3 + 5,
            "put" => 3 + 4,
            "read" => 3 + 7,
            "sweep" => 60,
            _ => 3,
        };
        let result = if answer.method == "abort" { Ok("()".to_owned()) } else { Err(StoreError::TimedOut) };
        assert_eq!(answer, Answer { method: answer.method, result, seconds });
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_refuses_every_method_but_those_that_find_out() {
    let (inner, faults) = (Recording::default(), Faults::new(1));
    let store = Breaker::new(
        Arc::new(Faulty::new(Arc::new(inner.clone()), faults.clone())),
        "b",
        CircuitPolicy { failures: 1, ..CircuitPolicy::default() },
    );
    let writers = Writers::open(&store).await;
    faults.set_all(Fault::Down);
    assert!(store.len(&name(1, 0, 0)).await.is_err());
    faults.clear();
    inner.take_calls();
    for answer in call_every_method(&store, writers).await {
        let refused = answer.result.as_ref().is_err_and(|error| error.kind() == "unavailable");
        assert_eq!(refused, !["abort", "pulse", "probe"].contains(&answer.method), "{answer:?}");
    }
    assert_eq!(inner.take_calls(), ["require_generation 7", "abort", "pulse", "probe"]);
}

#[tokio::test(start_paused = true)]
async fn a_fault_strikes_every_method() {
    let (inner, faults) = (Recording::default(), Faults::new(1));
    let store = Faulty::new(Arc::new(inner.clone()), faults.clone());
    let writers = Writers::open(&store).await;
    inner.take_calls();
    faults.set_all(Fault::Full);
    for answer in call_every_method(&store, writers).await {
        assert_eq!(answer.result.is_err(), answer.method != "abort", "{answer:?}");
    }
    assert_eq!(faults.injected(), 19, "one for each");
    assert_eq!(inner.take_calls(), ["require_generation 7"], "nothing else came through");
}

#[tokio::test(start_paused = true)]
async fn parts_are_spoiled_as_one_piece_would_be() {
    for (fault, written) in [(Fault::Short, "write_parts [b\"de\"]"), (Fault::Reset, "write_parts [b\"de\"]")] {
        let (inner, faults) = (Recording::default(), Faults::new(1));
        let store = Faulty::new(Arc::new(inner.clone()), faults.clone());
        let mut writer = store.create(&name(1, 0, 0)).await.unwrap();
        inner.take_calls();
        faults.set_all(fault);
        let result = writer.write_parts([bytes("de"), bytes("fgh")].concat()).await;
        assert_eq!(result.is_err(), fault == Fault::Reset);
        assert_eq!((inner.take_calls(), faults.injected()), (vec![written.to_owned()], 1), "{fault:?}");
    }
}

/// The metrics after every method was called once, without those of the four writers' creation.
async fn metrics_of(inner: Recording) -> BTreeMap<String, u64> {
    let recorded = RecordedMetrics::default();
    let recorder = metrics::set_default_local_recorder(&recorded);
    let store = Metered::new(Arc::new(inner), "b");
    let writers = Writers::open(&store).await;
    let before = recorded.counted();
    call_every_method(&store, writers).await;
    drop(recorder);
    let after = recorded.counted().into_iter();
    after.map(|(key, value)| (key.clone(), value - before.get(&key).copied().unwrap_or_default())).collect()
}

#[tokio::test]
async fn every_method_is_metered() {
    let counted = |name: &str, counts: &dyn Fn(Operation) -> bool| -> BTreeMap<String, u64> {
        let chosen = Operation::ALL.into_iter().filter(|operation| counts(*operation));
        // `write_parts` is a write.
        let times = |operation| if operation == Operation::Write { 2 } else { 1 };
        chosen.map(|operation| (format!("{name} {}", operation.name()), times(operation))).collect()
    };
    let mut expected = counted("operations_total", &|_| true);
    // The duration of a list is its reader's.
    expected.extend(counted("operation_seconds", &|operation| operation != Operation::List));

    let mut worked = expected.clone();
    worked.extend([("bytes_total written".to_owned(), 3 + 5 + 4), ("bytes_total read".to_owned(), 7 + 5)]);
    assert_eq!(metrics_of(Recording::default()).await, worked);

    let errors = counted("errors_total", &|operation| ![Operation::Abort, Operation::Create].contains(&operation));
    expected.extend(errors.into_iter().map(|(key, value)| (format!("{key} damaged"), value)));
    assert_eq!(metrics_of(Recording::failing()).await, expected);
}
