//! Asking a backend for a sample, and telling one that refuses from one that cannot be reached: whoever answers heartbeats and gives nobody
//! its data is there.

use std::time::Duration;

use backends::{Challenge, SliverName, SliverStore, StoreError};
use codec::{BlobOpener, Root, SliverIdentity};

use crate::audit::judgement::{Presence, Shown};
use crate::audit::reading::Reading;
use crate::metadata::AuditMethod;

/// How long a backend that gave nothing may take to show that it is there.
const LOOK: Duration = Duration::from_secs(5);

/// Who is asked for what, and how.
pub(super) struct Request<'a> {
    /// The backend.
    pub(super) store: &'a dyn SliverStore,
    /// The sliver.
    pub(super) name: SliverName,
    /// What it should be.
    pub(super) identity: &'a SliverIdentity,
    /// Its root.
    pub(super) root: &'a Root,
    /// What opens its chunks; none where the key is not known.
    pub(super) opener: Option<&'a BlobOpener>,
    /// The sample.
    pub(super) challenge: Challenge,
    /// By a challenge or by reading.
    pub(super) method: AuditMethod,
    /// What answering takes of the bytes that the backend moves in a day, about.
    pub(super) bytes: u64,
    /// How long an answer may take.
    pub(super) patience: Duration,
}

impl Request<'_> {
    /// What the backend answers, and if that is nothing, whether it is there at all. One that turns out to be there is asked once more: its
    /// circuit breaker may have answered in its place.
    pub(super) async fn ask(&self) -> (Result<Shown, StoreError>, Presence) {
        let answer = self.once().await;
        if !says_nothing_of_data(&answer) {
            return (answer, Presence::Unknown);
        }
        let pulse = tokio::time::timeout(LOOK, self.store.pulse()).await;
        if !matches!(pulse, Ok(Ok(_))) {
            return (answer, Presence::Unknown);
        }
        let Ok(Ok(space)) = tokio::time::timeout(LOOK, self.store.probe()).await else {
            return (answer, Presence::Answering);
        };
        if space.day_bytes_left.is_some_and(|left| left < self.bytes) {
            return (answer, Presence::DayUsedUp);
        }
        (self.once().await, Presence::Answering)
    }

    fn reading(&self) -> Reading<'_> {
        let Self { store, name, identity, root, opener, .. } = *self;
        Reading { store, name, identity, root, position: self.challenge.position, opener }
    }

    async fn once(&self) -> Result<Shown, StoreError> {
        let asking = async {
            match self.method {
                AuditMethod::Challenge => self.store.prove(&self.name, &self.challenge).await.map(Shown::Proof),
                AuditMethod::Read => self.reading().read().await,
            }
        };
        tokio::time::timeout(self.patience, asking).await.unwrap_or(Err(StoreError::TimedOut))
    }
}

/// Whether an answer is a refusal, or none: what a backend says of its data is judged as it is, and so is its silence.
fn says_nothing_of_data(answer: &Result<Shown, StoreError>) -> bool {
    !matches!(answer, Ok(_) | Err(StoreError::NotFound | StoreError::Damaged { .. } | StoreError::TimedOut))
}
