//! A store that records each call, and metrics that can be read back.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use crate::decorators::tests::name;
use crate::{
    Answer, Challenge, EpochNonce, Pulse, SliverEntry, SliverName, SliverStore, SliverWriter, Space, StoreError,
    VerdictReport,
};

/// Records every call with its arguments. Each method has an answer of its own, and an error of its own when it fails.
#[derive(Debug, Clone, Default)]
pub(super) struct Recording {
    calls: Arc<Mutex<Vec<String>>>,
    fails: bool,
}

impl Recording {
    /// A store of which every operation fails.
    pub(super) fn failing() -> Self {
        Self { fails: true, ..Self::default() }
    }

    /// The calls since the last look.
    pub(super) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    fn answer<T>(&self, call: String, answer: T) -> Result<T, StoreError> {
        self.calls.lock().unwrap().push(call.clone());
        if self.fails { Err(StoreError::damaged(call)) } else { Ok(answer) }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverStore for Recording {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        // Its writers fail later.
        self.calls.lock().unwrap().push(format!("create {name}"));
        Ok(Box::new(RecordingWriter(self.clone())))
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        self.answer(format!("put {name} {parts:?}"), ())
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        self.answer(format!("read {name} {range:?}"), BytesMut::from("content"))
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        self.answer(format!("len {name}"), 11)
    }

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        let answer = Answer { proof: Bytes::from_static(b"proof"), signature: Some([15; 64]) };
        self.answer(format!("prove {name} {challenge:?}"), answer)
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        self.answer(format!("delete {name}"), ())
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        self.answer(format!("trash {name}"), ())
    }

    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        let entry = |number| SliverEntry { name: name(number, 0, 0), len: u64::from(number) };
        stream::once(async move {
            match self.answer("list".to_owned(), ()) {
                Ok(()) => vec![Ok(entry(1)), Ok(entry(2))],
                Err(error) => vec![Err(error)],
            }
        })
        .flat_map(stream::iter)
        .boxed()
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        self.answer("probe".to_owned(), Space { free_bytes: Some(12), is_short: true, ..Space::default() })
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        self.answer("pulse".to_owned(), Pulse { generation: 13, heartbeat: Some(Bytes::from_static(b"beat")) })
    }

    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        self.answer(format!("beat {heartbeat:?}"), ())
    }

    fn require_generation(&self, generation: u64) {
        self.calls.lock().unwrap().push(format!("require_generation {generation}"));
    }

    async fn begin_epoch(&self, epoch: u64, commitment: [u8; 32]) -> Result<Option<EpochNonce>, StoreError> {
        let nonce = EpochNonce { nonce: [16; 32], signature: [17; 64] };
        self.answer(format!("begin_epoch {epoch} {commitment:?}"), Some(nonce))
    }

    async fn reveal_epoch(&self, epoch: u64, secret: [u8; 32]) -> Result<(), StoreError> {
        self.answer(format!("reveal_epoch {epoch} {secret:?}"), ())
    }

    async fn report_verdicts(&self, reports: &[VerdictReport]) -> Result<(), StoreError> {
        self.answer(format!("report_verdicts {reports:?}"), ())
    }

    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError> {
        self.answer(format!("sweep {trash_seconds}"), 14)
    }
}

struct RecordingWriter(Recording);

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SliverWriter for RecordingWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.0.answer(format!("write {bytes:?}"), ())
    }

    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        self.0.answer(format!("write_parts {parts:?}"), ())
    }

    async fn seal(self: Box<Self>) -> Result<(), StoreError> {
        self.0.answer("seal".to_owned(), ())
    }

    async fn abort(self: Box<Self>) {
        self.0.calls.lock().unwrap().push("abort".to_owned());
    }
}

/// Counters and histograms by name and labels. A histogram's value is how often it was recorded.
#[derive(Default)]
pub(super) struct RecordedMetrics(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl RecordedMetrics {
    /// The values that are not zero, as `name label=value`.
    pub(super) fn counted(&self) -> BTreeMap<String, u64> {
        let values = self.0.lock().unwrap();
        let counted = values.iter().map(|(key, value)| (key.clone(), value.load(Ordering::Relaxed)));
        counted.filter(|(_, value)| *value > 0).collect()
    }

    fn value_of(&self, key: &Key) -> Arc<AtomicU64> {
        let labels = key.labels().filter(|label| label.key() != "backend");
        let labels: String = labels.map(|label| format!(" {}", label.value())).collect();
        let name = key.name().trim_start_matches("haulout_backend_");
        Arc::clone(self.0.lock().unwrap().entry(format!("{name}{labels}")).or_default())
    }
}

struct Recordings(Arc<AtomicU64>);

impl HistogramFn for Recordings {
    fn record(&self, _value: f64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Recorder for RecordedMetrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value_of(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Recordings(self.value_of(key))))
    }
}
