//! The digests of a streaming write, computed beside everything else: the body need not wait for them stripe by stripe.
//!
//! MD5 is the slowest link of a single stream. It therefore always has the next stripe waiting, and runs on, from one
//! stripe to the next, without anybody being woken in between.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ObjectsError;
use super::compute::Compute;
use super::digest::Digests;
use super::frames::Frames;

/// What may be in a lane at once: one being digested, one waiting.
const PLACES: u32 = 2;

/// The lane of one body. Dropped, it ends after the stripe under way.
#[derive(Debug)]
pub(crate) struct DigestLane {
    compute: Compute,
    lane: Arc<Mutex<Lane>>,
    places: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Lane {
    /// Absent while a thread works with them.
    digests: Option<Digests>,
    waiting: VecDeque<Stripe>,
}

/// A stripe, and its place in the lane.
#[derive(Debug)]
struct Stripe {
    content: Frames,
    place: OwnedSemaphorePermit,
}

impl DigestLane {
    /// An empty lane.
    pub(crate) fn new(compute: &Compute, digests: Digests) -> Self {
        let lane = Lane { digests: Some(digests), waiting: VecDeque::new() };
        Self {
            compute: compute.clone(),
            lane: Arc::new(Mutex::new(lane)),
            places: Arc::new(Semaphore::new(PLACES as usize)),
        }
    }

    /// Hands over what comes next, and waits while the lane is full: two hand-overs may be in it, or only this one when it is
    /// not to run `ahead`.
    ///
    /// # Errors
    /// `Internal` when the lane broke.
    pub(crate) async fn push(&self, content: Frames, ahead: bool) -> Result<(), ObjectsError> {
        let places = if ahead { 1 } else { PLACES };
        let place = Arc::clone(&self.places).acquire_many_owned(places).await.map_err(|_| broken())?;
        let stripe = Stripe { content, place };
        let mut lane = lock(&self.lane);
        match lane.digests.take() {
            None => lane.waiting.push_back(stripe),
            Some(digests) => {
                drop(lane);
                digest(self.compute.clone(), Arc::clone(&self.lane), digests, stripe);
            }
        }
        Ok(())
    }

    /// Waits for the last stripe and gives the digests back.
    ///
    /// # Errors
    /// `Internal` when the lane broke.
    pub(crate) async fn finish(self) -> Result<Digests, ObjectsError> {
        let _all = self.places.acquire_many(PLACES).await.map_err(|_| broken())?;
        let digests = lock(&self.lane).digests.take();
        digests.ok_or_else(broken)
    }
}

impl Drop for DigestLane {
    fn drop(&mut self) {
        lock(&self.lane).waiting.clear();
    }
}

/// Digests one stripe on a thread, then takes its turn again for the next.
fn digest(compute: Compute, lane: Arc<Mutex<Lane>>, mut digests: Digests, stripe: Stripe) {
    let again = compute.clone();
    compute.submit(move || {
        let whole = UnlessPanic { lane: &lane, stripe: &stripe };
        stripe.content.pieces().for_each(|piece| digests.update(piece));
        drop(whole);
        let mut open = lock(&lane);
        match open.waiting.pop_front() {
            Some(next) => {
                drop(open);
                drop(stripe);
                digest(again, lane, digests, next);
            }
            None => {
                open.digests = Some(digests);
                drop(open);
                drop(stripe);
            }
        }
    });
}

/// Closes a lane whose thread panicked, so that nobody waits for it.
struct UnlessPanic<'a> {
    lane: &'a Mutex<Lane>,
    stripe: &'a Stripe,
}

impl Drop for UnlessPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.stripe.place.semaphore().close();
            lock(self.lane).waiting.clear();
        }
    }
}

fn lock(lane: &Mutex<Lane>) -> MutexGuard<'_, Lane> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

fn broken() -> ObjectsError {
    ObjectsError::Internal("the digests of a body were lost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::BodyPromise;
    use bytes::Bytes;

    #[tokio::test]
    async fn digests_are_those_of_the_stripes_in_order() {
        for (threads, ahead) in [(1, false), (1, true), (2, true)] {
            let promise = BodyPromise::default();
            let mut expected = Digests::new(&promise);
            let lane = DigestLane::new(&Compute::new(threads), Digests::new(&promise));
            for number in 0..50_u8 {
                let stripe = Bytes::from(vec![number; usize::from(number) * 100]);
                expected.update(&stripe);
                lane.push(stripe.into(), ahead).await.expect("a place");
            }
            let finish = |digests: Digests| digests.finish(&promise, None).expect("nothing promised");
            let (found, expected) = (finish(lane.finish().await.expect("whole")), finish(expected));
            assert_eq!((found.md5, found.length), (expected.md5, expected.length));
        }
    }

    #[tokio::test]
    async fn a_full_lane_makes_the_body_wait_and_a_dropped_one_lets_go() {
        let compute = Compute::new(1);
        let (release, held) = std::sync::mpsc::channel::<()>();
        compute.submit(move || assert!(held.recv().is_err()));
        let lane = DigestLane::new(&compute, Digests::new(&BodyPromise::default()));
        let stripe = Bytes::from(vec![1; 10]);
        lane.push(stripe.clone().into(), true).await.expect("the first");
        lane.push(stripe.clone().into(), true).await.expect("the second");
        let mut third = Box::pin(lane.push(stripe.clone().into(), true));
        assert!(futures::poll!(&mut third).is_pending());
        drop(third);
        drop(lane);
        drop(release);
        compute.run(|| ()).await.expect("the lane ended");
        assert!(stripe.is_unique());
    }
}
