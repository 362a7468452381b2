//! What requests take of what all clusters share, and how much of it one cluster may: its slowness costs only itself.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::body::ReplyBody;
use super::node::Node;
use super::settings::{HELD_BYTES_MAX, TENANT_HELD_BYTES_MAX};
use super::tenant::Tenant;
use crate::StoreError;
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
}

/// Memory that is set aside until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _of_cluster: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// Sets memory aside for so many bytes; more than a cluster's share counts as all of it.
///
/// # Errors
/// [`FailureCode::Busy`] if others do not let go of it in time.
pub(super) async fn hold(node: &Node, tenant: &Tenant, bytes: u64) -> Result<Held, Failure> {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(TENANT_HELD_BYTES_MAX).min(HELD_BYTES_MAX);
    let stopping = |_: AcquireError| Failure::new(FailureCode::Unavailable, "the node stops");
    let busy = |_| Failure::new(FailureCode::Busy, "other bodies take all the memory there is for them");
    let acquire = async {
        let of_cluster = Arc::clone(&tenant.share.held_bytes).acquire_many_owned(bytes).await?;
        let of_all = Arc::clone(&node.held_bytes).acquire_many_owned(bytes).await?;
        Ok(Held { _of_cluster: of_cluster, _of_all: of_all })
    };
    tokio::time::timeout(MEMORY_WAIT, acquire).await.map_err(busy)?.map_err(stopping)
}

/// A reply's body that keeps what its request took until it was sent, or its reader has gone.
struct Keeping<T> {
    body: ReplyBody,
    _kept: T,
}

/// Lets a body keep something.
pub(super) fn keep<T: Send + Unpin + 'static>(body: ReplyBody, kept: T) -> ReplyBody {
    Keeping { body, _kept: kept }.boxed_unsync()
}

impl<T: Unpin> Body for Keeping<T> {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
