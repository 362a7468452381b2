//! Probes every backend periodically, whether or not anything is written.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use metrics::gauge;

use crate::objects::{Backend, Objects};

/// Time between two probes.
const PERIOD: Duration = Duration::from_secs(10);
/// Timeout of one probe.
const PROBE: Duration = Duration::from_secs(5);

/// How many failure domains answered the last probe.
#[derive(Clone, Debug)]
pub struct BackendMonitor(Arc<AtomicUsize>);

impl BackendMonitor {
    /// Probes once and starts.
    pub async fn begin(objects: &Objects) -> Self {
        let monitor = Self(Arc::default());
        monitor.look(objects).await;
        monitor
    }

    /// Probes periodically; never returns.
    pub async fn go_on(self, objects: Objects) {
        loop {
            tokio::time::sleep(PERIOD).await;
            self.look(&objects).await;
        }
    }

    /// Failure domains of which a backend answered.
    #[must_use]
    pub fn answering_domains(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    async fn look(&self, objects: &Objects) {
        let backends = objects.committee().backends();
        let answers = join_all(backends.iter().map(|backend| answers(backend))).await;
        let domains: HashSet<&str> =
            backends.iter().zip(answers).filter(|(_, up)| *up).map(|(backend, _)| backend.provider.as_str()).collect();
        self.0.store(domains.len(), Ordering::Relaxed);
    }
}

async fn answers(backend: &Backend) -> bool {
    let probed = tokio::time::timeout(PROBE, backend.measure()).await;
    let up = matches!(probed, Ok(Ok(_)));
    gauge!("haulout_backend_up", "backend" => backend.id.to_string()).set(f64::from(u8::from(up)));
    if let Ok(Ok(space)) = probed
        && let Some(free) = space.free_bytes
    {
        gauge!("haulout_backend_free_bytes", "backend" => backend.id.to_string())
            .set(crate::app::ops::process::number(free));
    }
    up
}
