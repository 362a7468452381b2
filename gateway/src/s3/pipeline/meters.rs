//! Counts and times requests, by operation and kind of status.

use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};

/// The label of each class of status: `1xx` to `5xx`.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// A counter and a histogram for each row of the route table and each class of status, made when first needed so that a
/// request costs no look-up by name. The last place is for requests that belong to no row.
#[derive(Debug)]
pub struct Meters {
    operations: Vec<&'static str>,
    meters: Vec<[OnceLock<Meter>; CLASSES.len()]>,
}

#[derive(Debug)]
struct Meter {
    requests: Counter,
    seconds: Histogram,
}

impl Meters {
    /// Meters for a table whose rows are these operations.
    #[must_use]
    pub fn new(operations: Vec<&'static str>) -> Self {
        let meters = (0..=operations.len()).map(|_| Default::default()).collect();
        Self { operations, meters }
    }

    /// Counts a reply. `row` is the position in the table.
    pub fn record(&self, row: Option<usize>, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1).min(CLASSES.len() - 1);
        let position = row.unwrap_or(self.operations.len());
        let Some(meter) = self.meters.get(position).and_then(|classes| classes.get(class)) else { return };
        let meter = meter.get_or_init(|| {
            let operation = row.and_then(|row| self.operations.get(row)).copied().unwrap_or("none");
            let status = CLASSES[class];
            Meter {
                requests: counter!("haulout_s3_requests_total", "operation" => operation, "status" => status),
                seconds: histogram!("haulout_s3_request_seconds", "operation" => operation, "status" => status),
            }
        });
        meter.requests.increment(1);
        meter.seconds.record(took);
    }
}
