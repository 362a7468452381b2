//! Batching: requests that arrive together are handled together, and each gets its own answer.
//!
//! Callers that wait for their answer before they send again come back together, so a group waits for about as many as
//! the last one had, for [`GroupLimits::linger_max`] at most; a lone caller never waits. Whatever has arrived while the
//! handler was busy is the next group, so groups grow with the load by themselves.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// A request that is handled in a group with others.
pub trait Batchable {
    /// What its caller gets.
    type Answer;

    /// What it adds to its group, in the unit of [`GroupLimits::weight_max`].
    fn weight(&self) -> u64;

    /// Whether a group that begins with it waits for more requests. What has arrived already joins in either case.
    fn lingers(&self) -> bool {
        true
    }
}

/// When a group is complete.
#[derive(Clone, Copy, Debug)]
pub struct GroupLimits {
    /// Requests that may wait before callers must.
    pub waiting_max: usize,
    /// Most requests of a group.
    pub requests_max: usize,
    /// Weight from which a group takes no more: the last request may exceed it.
    pub weight_max: u64,
    /// Longest wait for more requests, from the first one on.
    pub linger_max: Duration,
}

/// A request in a group, and where its answer goes.
pub struct Submission<T: Batchable> {
    /// The request.
    pub request: T,
    /// Where its answer goes. A caller that went away does not mind.
    pub reply: oneshot::Sender<T::Answer>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAnswered {
    /// The request was not accepted: the handler is closed.
    Closed,
    /// The request was accepted, and the handler broke off: whether it was carried out is not known.
    Abandoned,
}

/// Where requests are handed in.
pub struct Batcher<T: Batchable>(mpsc::Sender<Submission<T>>);

/// Where groups come out. Each has one handler.
pub struct Groups<T: Batchable> {
    submissions: mpsc::Receiver<Submission<T>>,
    limits: GroupLimits,
    /// Requests of the last group.
    expected: usize,
    /// No more will come.
    ended: bool,
    /// The group that is being gathered. It stays here while nobody waits for it, so that nothing is lost.
    gathered: Vec<Submission<T>>,
    weight: u64,
    deadline: Instant,
}

/// A place to hand requests in, and where their groups come out.
#[must_use]
pub fn batcher<T: Batchable>(limits: GroupLimits) -> (Batcher<T>, Groups<T>) {
    let (sender, submissions) = mpsc::channel(limits.waiting_max);
    let (gathered, deadline) = (Vec::new(), Instant::now());
    (Batcher(sender), Groups { submissions, limits, expected: 1, ended: false, gathered, weight: 0, deadline })
}

impl<T: Batchable> Batcher<T> {
    /// Hands a request in and waits for its answer. Dropping the future does not take the request back.
    ///
    /// # Errors
    /// See [`NotAnswered`].
    pub async fn submit(&self, request: T) -> Result<T::Answer, NotAnswered> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Submission { request, reply }).await.map_err(|_| NotAnswered::Closed)?;
        answer.await.map_err(|_| NotAnswered::Abandoned)
    }
}

impl<T: Batchable> Groups<T> {
    /// Accepts no more requests. Groups of those that were accepted still come out, without any wait for more.
    pub fn close(&mut self) {
        self.submissions.close();
    }

    /// Whether no more requests are accepted.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.submissions.is_closed()
    }

    /// The next group, and what its handler needs to begin: the group grows until it is full while `ready` is awaited, which
    /// begins once there is a request. None when no more requests can come. Dropping the future loses no request.
    pub async fn next<R>(&mut self, ready: impl Future<Output = R>) -> Option<(Vec<Submission<T>>, R)> {
        if self.gathered.is_empty() {
            let first = self.submissions.recv().await?;
            self.deadline = Instant::now() + self.limits.linger_max;
            self.add(first);
        }
        let mut ready = pin!(ready);
        let mut begins = None;
        loop {
            self.take_what_waits();
            if let Some(begins) = begins.take_if(|_| self.is_complete()) {
                return Some((self.take(), begins));
            }
            tokio::select! {
                biased;
                received = self.submissions.recv(), if !self.ended && !self.is_full() => match received {
                    Some(next) => self.add(next),
                    None => self.ended = true,
                },
                now = &mut ready, if begins.is_none() => begins = Some(now),
                () = tokio::time::sleep_until(self.deadline), if begins.is_some() => {}
            }
        }
    }

    fn add(&mut self, submission: Submission<T>) {
        self.weight = self.weight.saturating_add(submission.request.weight());
        self.gathered.push(submission);
    }

    fn take_what_waits(&mut self) {
        while !self.is_full()
            && let Ok(next) = self.submissions.try_recv()
        {
            self.add(next);
        }
    }

    fn is_full(&self) -> bool {
        self.weight >= self.limits.weight_max || self.gathered.len() >= self.limits.requests_max
    }

    fn is_complete(&self) -> bool {
        let expects_more = self.gathered.len() < self.expected
            && self.gathered.first().is_some_and(|first| first.request.lingers())
            && Instant::now() < self.deadline;
        self.is_full() || self.ended || !expects_more
    }

    fn take(&mut self) -> Vec<Submission<T>> {
        self.expected = self.gathered.len();
        self.weight = 0;
        std::mem::take(&mut self.gathered)
    }
}

impl<T: Batchable> Clone for Batcher<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Batchable> fmt::Debug for Batcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("waiting", &(self.0.max_capacity() - self.0.capacity())).finish_non_exhaustive()
    }
}

impl<T: Batchable> fmt::Debug for Groups<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Groups")
            .field("limits", &self.limits)
            .field("gathered", &self.gathered.len())
            .finish_non_exhaustive()
    }
}
