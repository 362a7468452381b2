//! The digest queue of a streaming write: digests are computed in the background, up to two hand-overs behind.
//!
//! MD5 is the slowest link of a single stream. It therefore always has the next stripe waiting, and runs on, from one
//! stripe to the next, without anybody being woken in between.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::objects::compute::Compute;
use crate::objects::digests::digest::Digests;
use crate::objects::error::ObjectsError;
use crate::objects::write::frames::Frames;

/// Capacity of the queue: one being digested, one waiting.
const CAPACITY: u32 = 2;

/// The digest queue of one body. Dropped, it ends after the stripe under way.
#[derive(Debug)]
pub(crate) struct DigestQueue {
    compute: Compute,
    queue: Arc<Mutex<QueueState>>,
    permits: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct QueueState {
    /// Absent while a thread works with them.
    digests: Option<Digests>,
    waiting: VecDeque<Stripe>,
}

/// A stripe, and its permit.
#[derive(Debug)]
struct Stripe {
    content: Frames,
    permit: OwnedSemaphorePermit,
}

impl DigestQueue {
    /// An empty lane.
    pub(crate) fn new(compute: &Compute, digests: Digests) -> Self {
        let queue = QueueState { digests: Some(digests), waiting: VecDeque::new() };
        Self {
            compute: compute.clone(),
            queue: Arc::new(Mutex::new(queue)),
            permits: Arc::new(Semaphore::new(CAPACITY as usize)),
        }
    }

    /// Hands over what comes next, and waits while the lane is full: two hand-overs may be in it, or only this one when it is
    /// not to run `ahead`.
    ///
    /// # Errors
    /// `Internal` when the lane broke.
    pub(crate) async fn push(&self, content: Frames, ahead: bool) -> Result<(), ObjectsError> {
        let permits = if ahead { 1 } else { CAPACITY };
        let permit = Arc::clone(&self.permits).acquire_many_owned(permits).await.map_err(|_| broken())?;
        let stripe = Stripe { content, permit };
        let mut queue = lock(&self.queue);
        match queue.digests.take() {
            None => queue.waiting.push_back(stripe),
            Some(digests) => {
                drop(queue);
                digest(self.compute.clone(), Arc::clone(&self.queue), digests, stripe);
            }
        }
        Ok(())
    }

    /// Waits for the last stripe and gives the digests back.
    ///
    /// # Errors
    /// `Internal` when the lane broke.
    pub(crate) async fn finish(self) -> Result<Digests, ObjectsError> {
        let _all = self.permits.acquire_many(CAPACITY).await.map_err(|_| broken())?;
        let digests = lock(&self.queue).digests.take();
        digests.ok_or_else(broken)
    }
}

impl Drop for DigestQueue {
    fn drop(&mut self) {
        lock(&self.queue).waiting.clear();
    }
}

/// Digests one stripe on a thread, then takes its turn again for the next.
fn digest(compute: Compute, queue: Arc<Mutex<QueueState>>, mut digests: Digests, stripe: Stripe) {
    let again = compute.clone();
    compute.submit(move || {
        let whole = UnlessPanic { queue: &queue, stripe: &stripe };
        stripe.content.pieces().for_each(|piece| digests.update(piece));
        drop(whole);
        let mut open = lock(&queue);
        match open.waiting.pop_front() {
            Some(next) => {
                drop(open);
                drop(stripe);
                digest(again, queue, digests, next);
            }
            None => {
                open.digests = Some(digests);
                drop(open);
                drop(stripe);
            }
        }
    });
}

/// Closes a queue whose thread panicked, so that no caller waits for it.
struct UnlessPanic<'a> {
    queue: &'a Mutex<QueueState>,
    stripe: &'a Stripe,
}

impl Drop for UnlessPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.stripe.permit.semaphore().close();
            lock(self.queue).waiting.clear();
        }
    }
}

fn lock(queue: &Mutex<QueueState>) -> MutexGuard<'_, QueueState> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn broken() -> ObjectsError {
    ObjectsError::Internal("the digest task of a body panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::write::body::BodyPromise;
    use bytes::Bytes;

    #[tokio::test]
    async fn digests_are_those_of_the_stripes_in_order() {
        for (threads, ahead) in [(1, false), (1, true), (2, true)] {
            let promise = BodyPromise::default();
            let mut expected = Digests::new(&promise);
            let queue = DigestQueue::new(&Compute::new(threads), Digests::new(&promise));
            for number in 0..50_u8 {
                let stripe = Bytes::from(vec![number; usize::from(number) * 100]);
                expected.update(&stripe);
                queue.push(stripe.into(), ahead).await.expect("a place");
            }
            let finish = |digests: Digests| digests.finish(&promise, None).expect("nothing promised");
            let (found, expected) = (finish(queue.finish().await.expect("whole")), finish(expected));
            assert_eq!((found.md5, found.length), (expected.md5, expected.length));
        }
    }

    #[tokio::test]
    async fn a_full_lane_makes_the_body_wait_and_a_dropped_one_lets_go() {
        let compute = Compute::new(1);
        let (release, held) = std::sync::mpsc::channel::<()>();
        compute.submit(move || assert!(held.recv().is_err()));
        let queue = DigestQueue::new(&compute, Digests::new(&BodyPromise::default()));
        let stripe = Bytes::from(vec![1; 10]);
        queue.push(stripe.clone().into(), true).await.expect("the first");
        queue.push(stripe.clone().into(), true).await.expect("the second");
        let mut third = Box::pin(queue.push(stripe.clone().into(), true));
        assert!(futures::poll!(&mut third).is_pending());
        drop(third);
        drop(queue);
        drop(release);
        compute.run(|| ()).await.expect("the lane ended");
        assert!(stripe.is_unique());
    }
}
