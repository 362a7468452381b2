//! The page Prometheus reads.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::app::listener::ConnectionMonitor;
use crate::app::ops::process;

/// How often samples are folded.
const UPKEEP_PERIOD: Duration = Duration::from_secs(5);

/// Bounds of the histograms of durations, in seconds: from a HEAD in memory to a large upload.
const SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Installs the recorder of the process. Once, before anything is counted.
///
/// # Errors
/// There is one already.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| anyhow::anyhow!("{error}")).context("cannot count")?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_counter!("haulout_s3_requests_total", "S3 requests by operation and class of status");
    describe_histogram!(
        "haulout_s3_request_seconds",
        "Time to the head of the answer, by operation and class of status"
    );
    describe_counter!("haulout_connections_refused_total", "Connections rejected at the connection limit");
    describe_gauge!("haulout_connections", "S3 connections that are open");
    describe_gauge!("haulout_requests", "S3 requests whose answer has not ended");
    describe_gauge!("haulout_backend_up", "1 when the backend answered the last probe, 0 when it did not");
    describe_gauge!("haulout_backend_free_bytes", "Free bytes of the backend, where it reports them");
    describe_gauge!("haulout_backend_flagged", "1 when an operator must look at the backend, by what was found");
    describe_gauge!("haulout_collection_held", "1 while nothing is collected because something was rolled back");
    describe_gauge!("process_resident_memory_bytes", "Memory of the process that is in RAM");
    describe_gauge!("process_open_fds", "Open file descriptors");
    describe_gauge!("process_max_fds", "File descriptors the process may open");
    describe_gauge!("process_cpu_seconds_total", "Processor time used, by user and system together");
}

/// The page.
#[derive(Clone)]
pub struct MetricsPage {
    handle: PrometheusHandle,
    monitor: Arc<ConnectionMonitor>,
}

impl MetricsPage {
    /// The page of this recorder, with the numbers of this watch.
    #[must_use]
    pub fn new(handle: PrometheusHandle, monitor: Arc<ConnectionMonitor>) -> Self {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(keep_up(handle.clone()));
        }
        Self { handle, monitor }
    }

    /// Its text, as of now.
    #[must_use]
    pub fn render(&self) -> String {
        gauge!("haulout_connections").set(f64::from(u32::try_from(self.monitor.open()).unwrap_or(u32::MAX)));
        gauge!("haulout_requests").set(f64::from(u32::try_from(self.monitor.active()).unwrap_or(u32::MAX)));
        process::note();
        self.handle.run_upkeep();
        self.handle.render()
    }
}

/// Folds samples into their histograms periodically: until then each is kept, even when nothing scrapes the metrics.
async fn keep_up(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP_PERIOD).await;
        handle.run_upkeep();
    }
}
