//! A thread pool for CPU-bound work: coding, digests, reconstruction.
//!
//! As many as there are cores: more would only take turns, and each would keep memory of its own in the allocator.
//! Threads that wait for disks are others.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::objects::error::ObjectsError;

/// Stack of a thread, in bytes. Virtual until touched.
const STACK_BYTES: usize = 1 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// A handle to the threads. They end when the last handle is gone and nothing is left to do.
#[derive(Clone, Debug)]
pub struct Compute(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    job_queue: Arc<JobQueue>,
    threads: usize,
}

/// Where jobs lie until a thread takes them, in the order they came.
#[derive(Default)]
struct JobQueue {
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    idle: usize,
    closed: bool,
}

impl std::fmt::Debug for JobQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").finish_non_exhaustive()
    }
}

impl Compute {
    /// One thread for each core.
    #[must_use]
    pub fn of_all_cores() -> Self {
        Self::new(std::thread::available_parallelism().map_or(2, usize::from))
    }

    /// Starts `threads` threads. Where none can be started, work is done where it is handed over.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let job_queue = Arc::new(JobQueue::default());
        let start = |_: &usize| {
            let job_queue = Arc::clone(&job_queue);
            let thread = std::thread::Builder::new().name("haulout-compute".to_owned()).stack_size(STACK_BYTES);
            let started = thread.spawn(move || job_queue.work());
            if let Err(error) = &started {
                tracing::warn!(%error, "a compute thread could not be started");
            }
            started.is_ok()
        };
        let threads = (0..threads).filter(start).count();
        Self(Arc::new(Handle { job_queue, threads }))
    }

    /// Runs work on one of the threads and waits for the result. Work whose caller was dropped is not started.
    ///
    /// # Errors
    /// `Internal` when the work panicked.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ObjectsError> {
        let (answer, result) = oneshot::channel();
        self.submit(move || {
            if !answer.is_closed() {
                let _nobody_waits = answer.send(work());
            }
        });
        result.await.map_err(|_| ObjectsError::Internal("a computation did not finish".to_owned()))
    }

    /// Hands work over; it runs when a thread is free.
    pub fn submit(&self, work: impl FnOnce() + Send + 'static) {
        if self.0.threads == 0 {
            return work();
        }
        let mut queue = self.0.job_queue.queue();
        queue.jobs.push_back(Box::new(work));
        let somebody_sleeps = queue.idle > 0;
        drop(queue);
        if somebody_sleeps {
            self.0.job_queue.filled.notify_one();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.job_queue.queue().closed = true;
        self.job_queue.filled.notify_all();
    }
}

impl JobQueue {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does all its life.
    fn work(&self) {
        while let Some(job) = self.next() {
            // The caller gets an error, because the result channel is dropped.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a computation panicked");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue.idle += 1;
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_elsewhere_and_a_panic_harms_nobody_else() {
        for threads in [0, 1, 2] {
            let compute = Compute::new(threads);
            let here = std::thread::current().id();
            let there = compute.run(|| std::thread::current().id()).await.expect("done");
            assert_eq!(threads == 0, here == there);
            if threads > 0 {
                let panicked = compute.run(|| panic!("on purpose")).await;
                assert!(matches!(panicked, Err(ObjectsError::Internal(_))));
            }
            let sums = futures::future::join_all((0..100_u64).map(|n| compute.run(move || n * n))).await;
            assert_eq!(sums.into_iter().map(|sum| sum.expect("done")).sum::<u64>(), 328_350);
        }
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_not_begun() {
        let compute = Compute::new(1);
        let (release, held) = std::sync::mpsc::channel::<()>();
        compute.submit(move || assert!(held.recv().is_err()));
        let begun = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let mark = Arc::clone(&begun);
        let mut abandoned = Box::pin(compute.run(move || mark.store(true, std::sync::atomic::Ordering::Relaxed)));
        assert!(futures::poll!(&mut abandoned).is_pending());
        drop(abandoned);
        drop(release);
        compute.run(|| ()).await.expect("done");
        assert!(!begun.load(std::sync::atomic::Ordering::Relaxed));
    }
}
