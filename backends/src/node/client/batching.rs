//! Whole slivers that are stored at the same time go in one request: the node syncs once for all of them.
//!
//! A sliver that comes alone is sent at once. What comes while requests are under way waits for the next one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use codec::Root;
use tokio::sync::oneshot;

use super::exchange::Exchange;
use super::reply;
use super::writer::{EPOCH, wrong_receipt};
use crate::node::protocol::{
    Authorization, BATCH_BYTES_MAX, BATCH_MAX, BatchReply, Call, Failure, Receipt, SignedReceipt, write_head,
};
use crate::{SliverName, StoreError};

/// Requests under way at once: more would make the groups smaller.
const REQUESTS: usize = 2;

/// How long a node may take for a request: this, and a second for each [`BYTES_PER_SECOND_MIN`]. No caller's deadline reaches a request that
/// several share, and a node that took the bytes and says nothing must not hold its place for ever.
const REPLY_WAIT: Duration = Duration::from_secs(20);
const BYTES_PER_SECOND_MIN: u64 = 1 << 20;

/// Bytes that the heads of a batch may take.
const HEADS_BYTES: u64 = 64 << 10;

/// A sliver that waits.
#[derive(Debug)]
struct Waiting {
    name: SliverName,
    parts: Vec<Bytes>,
    root: Root,
    len: u64,
    done: oneshot::Sender<Result<(), StoreError>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    requests: usize,
}

/// Groups slivers.
#[derive(Clone, Debug)]
pub(super) struct Batching {
    exchange: Arc<Exchange>,
    queue: Arc<Mutex<Queue>>,
}

impl Batching {
    /// Sends what it groups to this node.
    pub(super) fn new(exchange: Arc<Exchange>) -> Self {
        Self { exchange, queue: Arc::default() }
    }

    /// Stores a sliver.
    ///
    /// # Errors
    /// What the node refuses with.
    pub(super) async fn put(
        &self,
        name: &SliverName,
        parts: Vec<Bytes>,
        root: Root,
        len: u64,
    ) -> Result<(), StoreError> {
        let (done, answer) = oneshot::channel();
        let begins = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            // Those who gave up must not stay because nobody comes to take them out.
            queue.waiting.retain(|waiting| !waiting.done.is_closed());
            queue.waiting.push_back(Waiting { name: *name, parts, root, len, done });
            let begins = queue.requests < REQUESTS;
            queue.requests += usize::from(begins);
            begins
        };
        if begins {
            // In a task of its own: whoever began it may go away, the others' slivers are in it too.
            tokio::spawn(self.clone().run());
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::unavailable("the request was given up")))
    }

    /// Sends batches until nobody waits.
    async fn run(self) {
        while let Some(batch) = self.next() {
            let bytes: u64 = batch.iter().map(|waiting| waiting.len).sum();
            let wait = REPLY_WAIT + Duration::from_secs(bytes / BYTES_PER_SECOND_MIN);
            let replies = tokio::time::timeout(wait, self.send(&batch)).await.unwrap_or(Err(StoreError::TimedOut));
            for (number, waiting) in batch.into_iter().enumerate() {
                let done = match &replies {
                    Ok(replies) => replies.get(number).cloned().unwrap_or_else(|| Err(wrong_receipt())),
                    Err(error) => Err(error.clone()),
                };
                // Nobody may be waiting any more.
                drop(waiting.done.send(done));
            }
        }
    }

    /// The slivers of the next request; at the end, one request fewer is under way.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut batch, mut bytes) = (Vec::<Waiting>::new(), HEADS_BYTES);
        while let Some(waiting) = queue.waiting.front() {
            let repeated = batch.iter().any(|earlier| earlier.name == waiting.name);
            if batch.len() == BATCH_MAX || repeated || (!batch.is_empty() && bytes + waiting.len > BATCH_BYTES_MAX) {
                break;
            }
            bytes += waiting.len;
            batch.extend(queue.waiting.pop_front().filter(|waiting| !waiting.done.is_closed()));
        }
        if batch.is_empty() {
            queue.requests -= 1;
            return None;
        }
        Some(batch)
    }

    async fn send(&self, batch: &[Waiting]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let mut pieces = Vec::new();
        for waiting in batch {
            let mut head = BytesMut::new();
            write_head(&mut head, &waiting.name, &waiting.root, waiting.len);
            pieces.push(head.freeze());
            pieces.extend(waiting.parts.iter().cloned());
        }
        let (reply, authorization) = self.exchange.send(&Call::StoreBatch { epoch: EPOCH }, pieces).await?;
        let reply: BatchReply = reply::json(reply).await?;
        if reply.slivers.len() != batch.len() {
            return Err(wrong_receipt());
        }
        let judged = batch.iter().zip(reply.slivers).map(|(waiting, reply)| self.judge(waiting, &authorization, reply));
        Ok(judged.collect())
    }

    fn judge(
        &self,
        waiting: &Waiting,
        authorization: &Authorization,
        reply: Result<SignedReceipt, Failure>,
    ) -> Result<(), StoreError> {
        let signed = reply.map_err(Failure::into_store_error)?;
        let (cluster, node, name) = (authorization.cluster, self.exchange.sessions.node(), waiting.name);
        let nonce = (authorization.session, authorization.counter);
        let receipt = Receipt { cluster, node, name, root: waiting.root, len: waiting.len, epoch: EPOCH, nonce };
        if signed.is_for(&receipt) { Ok(()) } else { Err(wrong_receipt()) }
    }
}
