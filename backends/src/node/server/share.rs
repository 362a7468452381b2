//! What requests take of what all clusters share, and how much of it one cluster may: its slowness costs only itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::settings::TENANT_HELD_BYTES_MAX;
use crate::node::protocol::{Failure, FailureCode};

/// How long a body waits for memory that others take.
const MEMORY_WAIT: Duration = Duration::from_secs(5);

/// Of one cluster: its requests under way and its bytes of memory.
#[derive(Debug)]
pub(super) struct Share {
    requests: Arc<Semaphore>,
    held_bytes: Arc<Semaphore>,
}

impl Share {
    /// A cluster's share, where so many requests may be under way in all.
    pub(super) fn new(requests_max: usize) -> Self {
        // One cluster that fills its share leaves as much to the others.
        let requests = Arc::new(Semaphore::new(requests_max.div_ceil(2)));
        Self { requests, held_bytes: Arc::new(Semaphore::new(TENANT_HELD_BYTES_MAX as usize)) }
    }

    /// Begins a request of the cluster.
    ///
    /// # Errors
    /// [`FailureCode::Busy`] if its share is used up.
    pub(super) fn begin(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let busy = |_| Failure::new(FailureCode::Busy, "too many requests of this cluster at once");
        Arc::clone(&self.requests).try_acquire_owned().map_err(busy)
    }

    /// Sets memory aside for so many bytes, of the cluster's share and of `all` that there is; more than the share counts as all of it.
    ///
    /// # Errors
    /// [`FailureCode::Busy`] if others do not let go of it in time.
    pub(super) async fn hold(&self, all: &Arc<Semaphore>, bytes: u64) -> Result<Held, Failure> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(TENANT_HELD_BYTES_MAX);
        let stopping = |_: AcquireError| Failure::new(FailureCode::Unavailable, "the node stops");
        let busy = |_| Failure::new(FailureCode::Busy, "other bodies take all the memory there is for them");
        let acquire = async {
            let of_cluster = Arc::clone(&self.held_bytes).acquire_many_owned(bytes).await?;
            let of_all = Arc::clone(all).acquire_many_owned(bytes).await?;
            Ok(Held { _of_cluster: of_cluster, _of_all: of_all })
        };
        tokio::time::timeout(MEMORY_WAIT, acquire).await.map_err(busy)?.map_err(stopping)
    }
}

/// Memory that is set aside until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _of_cluster: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}
