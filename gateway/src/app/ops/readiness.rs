//! Whether requests should be sent here.
//!
//! A gateway is ready while it can answer reads: one that refuses writes for want of backends reports it in the body, but
//! sending its requests elsewhere would help nobody, because every gateway of the cluster has the same backends.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::app::listener::ConnectionMonitor;
use crate::app::ops::backend_monitor::BackendMonitor;
use crate::domain::money::epoch::JumpTerms;
use crate::metadata::MetadataStore;
use crate::objects::Objects;

/// How long the database may take to answer.
const DATABASE: Duration = Duration::from_secs(2);

/// What readiness depends on.
#[derive(Clone)]
pub struct Readiness {
    /// The rows.
    pub metadata: MetadataStore,
    /// The use cases, which know which backends refused a write just now.
    pub objects: Objects,
    /// Knows which backends answer.
    pub backends: BackendMonitor,
    /// How much time may pass unseen between two epochs.
    pub jump: JumpTerms,
    /// Failure domains that must answer for reads.
    pub read_floor: usize,
    /// Failure domains that must take writes.
    pub write_floor: usize,
    /// Cancelled when this incarnation was marked dead.
    pub fenced: CancellationToken,
    /// Knows whether the gateway shuts down.
    pub monitor: Arc<ConnectionMonitor>,
}

/// The readiness report, as JSON.
#[derive(Debug, Serialize)]
pub struct ReadinessReport {
    /// Requests should be sent here.
    pub ready: bool,
    /// Objects can be read.
    pub reads: bool,
    /// Objects can be written.
    pub writes: bool,
    /// What is wrong, whether or not it keeps the gateway from being ready.
    pub reasons: Vec<String>,
}

impl Readiness {
    /// The current report.
    pub async fn report(&self) -> ReadinessReport {
        let mut reasons = self.of_the_gateway().await;
        let serves = reasons.is_empty();
        let answering = self.backends.answering_domains();
        let writable = self.objects.committee().writable_domains().min(answering);
        reasons.extend(self.of_the_operator().await);
        let (reads, writes) = (answering >= self.read_floor, writable >= self.write_floor);
        if !reads {
            reasons.push(format!("{answering} failure domains answer and {} are needed to read", self.read_floor));
        }
        if !writes {
            reasons.push(format!("{writable} failure domains take writes and {} are needed", self.write_floor));
        }
        let read_only = self.objects.is_read_only();
        if read_only {
            reasons.push("the database is older than its journal on the backends: only reads are served".to_owned());
        }
        let writes = writes && !read_only;
        ReadinessReport { ready: serves && reads, reads: serves && reads, writes: serves && reads && writes, reasons }
    }

    /// What an operator must look at; it keeps nobody from reading and writing.
    async fn of_the_operator(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Ok(Ok(Some(held))) = tokio::time::timeout(DATABASE, self.objects.rollback_hold()).await {
            reasons.push(held);
        }
        if let Ok(Ok(Some(jump))) = tokio::time::timeout(DATABASE, self.metadata.epoch_jump(&self.jump)).await {
            reasons.push(format!(
                "{} whole epochs passed since epoch {} that nobody saw: nothing is charged or settled until `haulout epoch confirm`",
                jump.missed, jump.last
            ));
        }
        for backend in self.objects.committee().backends() {
            if let Some((flag, _)) = backend.trust().flag().filter(|(flag, _)| !flag.holds_collection()) {
                reasons.push(format!("{}: {flag}", backend.id));
            }
        }
        reasons
    }

    /// What keeps the gateway itself, without its backends, from doing anything.
    async fn of_the_gateway(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.monitor.is_closing() {
            reasons.push("shutting down".to_owned());
        }
        if self.fenced.is_cancelled() {
            reasons.push("the lease expired".to_owned());
        }
        match tokio::time::timeout(DATABASE, self.metadata.cluster()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => reasons.push(error.to_string()),
            Err(_) => reasons.push("the database does not respond".to_owned()),
        }
        reasons
    }
}
