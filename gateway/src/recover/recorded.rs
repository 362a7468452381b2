//! What the backends have recorded in their heartbeats.

use codec::{ClusterId, ClusterKey};
use futures::StreamExt as _;

use crate::domain::{BackendId, Heartbeat};
use crate::recover::sliver_source::SliverSource;

/// Backends asked at once.
const ASKED: usize = 16;

/// What a backend has recorded. None of it where it does not answer, or answers what the cluster key did not make.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Which.
    pub backend: BackendId,
    /// The generation that its marker claims.
    pub generation: u64,
    /// Its heartbeat; none when it never had one.
    pub heartbeat: Option<Heartbeat>,
    /// The last segment of the journal that was known when it was made; 0 when it names none.
    pub segment: u64,
}

/// What each of these backends has recorded, but for those of which nothing can be believed.
pub(super) async fn recorded(sources: &[SliverSource], cluster: ClusterId, key: &ClusterKey) -> Vec<Recorded> {
    let asked = sources.iter().map(|source| async move {
        let pulse = source.store.pulse().await.ok()?;
        let (backend, generation) = (source.id.clone(), pulse.generation);
        let Some(record) = pulse.heartbeat else {
            return Some(Recorded { backend, generation, heartbeat: None, segment: 0 });
        };
        match Heartbeat::from_record(&record, cluster, &source.id, key) {
            Ok(heartbeat) => {
                let segment = Heartbeat::recorded_segment(&record);
                Some(Recorded { backend, generation, heartbeat: Some(heartbeat), segment })
            }
            Err(reason) => {
                tracing::warn!(%backend, reason, "the heartbeat of a backend cannot be believed");
                None
            }
        }
    });
    futures::stream::iter(asked).buffered(ASKED).filter_map(std::future::ready).collect().await
}

/// The highest number of a version that any of them has recorded.
pub(super) fn highest_sequence(recorded: &[Recorded]) -> u64 {
    recorded.iter().filter_map(|one| one.heartbeat).map(|heartbeat| heartbeat.sequence).max().unwrap_or(0)
}

/// The last segment that any of them has recorded, and which of them have.
pub(super) fn last_segment(recorded: &[Recorded]) -> (u64, Vec<String>) {
    let last = recorded.iter().map(|one| one.segment).max().unwrap_or(0);
    let by = recorded.iter().filter(|one| one.segment == last && last > 0).map(|one| one.backend.to_string());
    (last, by.collect())
}
