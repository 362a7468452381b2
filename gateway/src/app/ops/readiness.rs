//! Whether requests should be sent here.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::BackendWatch;
use crate::app::listener::Watch;
use crate::metadata::MetadataStore;
use crate::objects::Objects;

/// How long the database may take to answer.
const DATABASE: Duration = Duration::from_secs(2);

/// The facts.
#[derive(Clone)]
pub struct Readiness {
    /// The rows.
    pub metadata: MetadataStore,
    /// The use cases, which know which backends refused a write just now.
    pub objects: Objects,
    /// Knows which backends answer.
    pub backends: BackendWatch,
    /// Failure domains that must take writes.
    pub write_floor: usize,
    /// Cancelled when this incarnation was buried.
    pub fenced: CancellationToken,
    /// Knows whether the gateway shuts down.
    pub watch: Arc<Watch>,
}

impl Readiness {
    /// What keeps the gateway from being ready; empty when nothing does.
    pub async fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.watch.is_closing() {
            reasons.push("shutting down".to_owned());
        }
        if self.fenced.is_cancelled() {
            reasons.push("the lease ran out".to_owned());
        }
        let writable = self.objects.committee().writable_domains().min(self.backends.answering_domains());
        if writable < self.write_floor {
            reasons.push(format!("{writable} failure domains take writes and {} are needed", self.write_floor));
        }
        match tokio::time::timeout(DATABASE, self.metadata.cluster()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => reasons.push(error.to_string()),
            Err(_) => reasons.push("the database does not answer".to_owned()),
        }
        reasons
    }
}
