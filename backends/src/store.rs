//! The contract of a storage target.

use std::fmt::Debug;
use std::ops::Range;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;

use crate::{Answer, Challenge, EpochNonce, SliverName, StoreError, VerdictReport};

/// One place that stores slivers. Every implementation and every decorator passes the suite `conformance`.
///
/// A sliver appears whole or not at all, is durable once an operation that stores it returned, and is never changed.
/// Dropping a future stops the waiting, not always the work: what was asked for may still happen.
#[async_trait]
pub trait SliverStore: Send + Sync + Debug {
    /// Begins a sliver that is written piece by piece. Nothing is visible under the name before
    /// [`SliverWriter::seal`]; a taken name is refused here or there with [`StoreError::AlreadyExists`].
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError>;

    /// Stores a whole sliver, the concatenation of `parts`: durable on return.
    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError>;

    /// Reads exactly the range of bytes, never less; a sliver that ends before it is [`StoreError::Damaged`].
    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError>;

    /// The length of a sliver in bytes.
    async fn len(&self, name: &SliverName) -> Result<u64, StoreError>;

    /// Proves that a sample of the sliver is at hand: costs the backend one block. The answer is not judged by the sliver's root. A
    /// position that the sliver does not have is [`StoreError::Damaged`].
    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError>;

    /// Removes a sliver for good, durably; an absent one is fine.
    async fn delete(&self, name: &SliverName) -> Result<(), StoreError>;

    /// Trashes a sliver, durably: moves it to the trash where there is one, else as [`SliverStore::delete`]. An
    /// absent one is fine.
    async fn trash(&self, name: &SliverName) -> Result<(), StoreError>;

    /// All sealed slivers, in no order, as a stream that never holds them all. Those stored or removed meanwhile may
    /// or may not be seen.
    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>>;

    /// Probes the backend: reachable, the right one, writable? A full backend answers well, with little space: after
    /// a probe that saw enough of it, writes are taken again.
    async fn probe(&self) -> Result<Space, StoreError>;

    /// Looks, past everything that is remembered, at what the backend says of itself beside its slivers.
    async fn pulse(&self) -> Result<Pulse, StoreError>;

    /// Replaces the backend's heartbeat: durable on return, and never half of it visible.
    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError>;

    /// From now on an earlier generation of the backend is another one: [`StoreError::WrongBackend`] for everything but
    /// [`SliverStore::pulse`]. Never goes back.
    fn require_generation(&self, generation: u64);

    /// Begins an epoch of audits, for which the gateway has committed to a secret (its BLAKE3 hash); the same again gives the same
    /// nonce. None for a backend that is not a storage node. [`StoreError::AlreadyExists`] where another commitment was made for the
    /// epoch, or later ones have displaced it.
    async fn begin_epoch(&self, epoch: u64, commitment: [u8; 32]) -> Result<Option<EpochNonce>, StoreError>;

    /// Shows a storage node the secret of an epoch; others need none. [`StoreError::NotFound`] where the epoch never began,
    /// [`StoreError::AlreadyExists`] for a secret that it was not committed to.
    async fn reveal_epoch(&self, epoch: u64, secret: [u8; 32]) -> Result<(), StoreError>;

    /// Tells a storage node what audits of it found, any number of them; others need not know. After an error some may have arrived:
    /// they are recognised by their ids when all are sent again.
    async fn report_verdicts(&self, reports: &[VerdictReport]) -> Result<(), StoreError>;

    /// Removes what dead writers left behind, and trash older than `trash_seconds` by the backend's own clock.
    /// Counts what it removed.
    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError>;
}

/// A sliver on its way to a backend. Dropping it unsealed is like [`SliverWriter::abort`], as far as that is possible
/// without waiting.
#[async_trait]
pub trait SliverWriter: Send {
    /// Appends bytes. After an error the sliver is lost: abort it.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Appends several pieces, one after the other, at the cost of one operation where a store can.
    async fn write_parts(&mut self, parts: Vec<Bytes>) -> Result<(), StoreError> {
        for part in parts {
            self.write(part).await?;
        }
        Ok(())
    }

    /// Makes the sliver durable, then visible. After an error it is lost, and may or may not be visible.
    async fn seal(self: Box<Self>) -> Result<(), StoreError>;

    /// Gives the sliver up and removes what was written of it.
    async fn abort(self: Box<Self>);
}

/// A sliver as it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliverEntry {
    /// Its name.
    pub name: SliverName,
    /// Its length in bytes.
    pub len: u64,
}

/// What a backend says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    /// The generation that its marker claims.
    pub generation: u64,
    /// The heartbeat that was last written; none if none is there.
    pub heartbeat: Option<Bytes>,
}

/// What a probe saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Space {
    /// Free bytes, where the backend reports them.
    pub free_bytes: Option<u64>,
    /// There is too little space for writes: they are refused.
    pub is_short: bool,
    /// Bytes of slivers that it reports to hold for the cluster; a storage node does.
    pub live_bytes: Option<u64>,
    /// Bytes of slivers that it reports to keep although they were deleted.
    pub trash_bytes: Option<u64>,
    /// Bytes that it states to move for the cluster until the day of UTC is over; none where nothing bounds them.
    pub day_bytes_left: Option<u64>,
}
