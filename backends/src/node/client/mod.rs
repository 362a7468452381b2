//! The gateway's client for a storage node: one more store.

mod audits;
mod batching;
mod exchange;
mod listing;
mod pinned;
mod reply;
mod request_body;
mod sessions;
mod spec;
mod tail;
mod writer;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;

use self::batching::Batching;
use self::exchange::Exchange;
pub use self::spec::NODE_KEY;
use self::tail::SliverTail;
use super::protocol::{BATCH_BYTES_MAX, Call, FormatRequest, LengthReply, PulseReply, SpaceReply, SweepReply};
use crate::{
    Answer, BackendSpec, Challenge, EpochNonce, GatewayIdentity, Pulse, SliverEntry, SliverName, SliverStore,
    SliverWriter, Space, StoreError, VerdictReport,
};

/// A longer sliver is streamed even when it is there as a whole.
const WHOLE_BYTES_MAX: u64 = BATCH_BYTES_MAX / 2;

/// A store on a storage node.
#[derive(Debug)]
pub(crate) struct NodeStore {
    exchange: Arc<Exchange>,
    batching: Batching,
}

impl NodeStore {
    /// The store that the specification names. Connects to nothing yet.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`].
    pub(crate) fn new(spec: &BackendSpec, identity: &GatewayIdentity) -> Result<Self, StoreError> {
        let exchange = Arc::new(Exchange::new(spec::NodeSpec::read(spec)?, identity)?);
        Ok(Self { batching: Batching::new(Arc::clone(&exchange)), exchange })
    }

    /// Formats the cluster's store on the node, unless it is this backend already.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if it is another one.
    pub(crate) async fn format(&self) -> Result<(), StoreError> {
        self.send_format(None).await
    }

    /// Makes what the node has this generation of the backend.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if it is another backend.
    pub(crate) async fn accept(&self, generation: u64) -> Result<(), StoreError> {
        self.send_format(Some(generation)).await
    }

    /// Whether the node has the backend.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if it has another one or none.
    pub(crate) async fn verify(&self) -> Result<(), StoreError> {
        self.probe().await.map(drop)
    }

    async fn send_format(&self, generation: Option<u64>) -> Result<(), StoreError> {
        let body = serde_json::to_vec(&FormatRequest { generation }).map_err(StoreError::unavailable)?;
        self.exchange.done(&Call::Format, vec![body.into()]).await
    }
}

#[async_trait]
impl SliverStore for NodeStore {
    async fn create(&self, name: &SliverName) -> Result<Box<dyn SliverWriter>, StoreError> {
        Ok(Box::new(writer::begin(&self.exchange, name).await?))
    }

    async fn put(&self, name: &SliverName, parts: Vec<Bytes>) -> Result<(), StoreError> {
        let mut tail = SliverTail::default();
        parts.iter().for_each(|part| tail.push(part));
        if tail.len() <= WHOLE_BYTES_MAX {
            return self.batching.put(name, parts, tail.root()?, tail.len()).await;
        }
        let mut writer = Box::new(writer::begin(&self.exchange, name).await?);
        writer.write_parts(parts).await?;
        writer.seal().await
    }

    async fn read(&self, name: &SliverName, range: Range<u64>) -> Result<BytesMut, StoreError> {
        let len = range.end.checked_sub(range.start).and_then(|len| usize::try_from(len).ok());
        let len = len.ok_or_else(|| StoreError::damaged(format!("it ends before byte {}", range.end)))?;
        let reply = self.exchange.send(&Call::Read { name: *name, range }, Vec::new()).await?;
        reply::exactly(reply.0, len).await
    }

    async fn len(&self, name: &SliverName) -> Result<u64, StoreError> {
        let reply: LengthReply = self.exchange.ask(&Call::Length { name: *name }).await?;
        Ok(reply.len)
    }

    async fn prove(&self, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
        audits::prove(&self.exchange, name, challenge).await
    }

    async fn delete(&self, name: &SliverName) -> Result<(), StoreError> {
        // A node removes nothing at once, whoever asks: it goes to the trash.
        self.exchange.done(&Call::Delete { name: *name }, Vec::new()).await
    }

    async fn trash(&self, name: &SliverName) -> Result<(), StoreError> {
        self.delete(name).await
    }

    fn list(&self) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
        listing::stream(&self.exchange)
    }

    async fn probe(&self) -> Result<Space, StoreError> {
        let reply: SpaceReply = self.exchange.ask(&Call::Space).await?;
        Ok(Space {
            free_bytes: Some(reply.free_bytes),
            is_short: reply.is_short,
            live_bytes: Some(reply.live_bytes),
            trash_bytes: Some(reply.trash_bytes),
            day_bytes_left: reply.day_bytes_left,
        })
    }

    async fn pulse(&self) -> Result<Pulse, StoreError> {
        let reply: PulseReply = self.exchange.ask(&Call::Pulse).await?;
        let heartbeat = reply.heartbeat.map(hex::decode).transpose().map_err(StoreError::unavailable)?;
        Ok(Pulse { generation: reply.generation, heartbeat: heartbeat.map(Bytes::from) })
    }

    async fn beat(&self, heartbeat: Bytes) -> Result<(), StoreError> {
        self.exchange.done(&Call::Beat, vec![heartbeat]).await
    }

    fn require_generation(&self, generation: u64) {
        self.exchange.sessions.require_generation(generation);
    }

    async fn begin_epoch(&self, epoch: u64, commitment: [u8; 32]) -> Result<Option<EpochNonce>, StoreError> {
        audits::begin_epoch(&self.exchange, epoch, commitment).await.map(Some)
    }

    async fn reveal_epoch(&self, epoch: u64, secret: [u8; 32]) -> Result<(), StoreError> {
        audits::reveal_epoch(&self.exchange, epoch, secret).await
    }

    async fn report_verdicts(&self, reports: &[VerdictReport]) -> Result<(), StoreError> {
        audits::report_verdicts(&self.exchange, reports).await
    }

    async fn sweep(&self, trash_seconds: u64) -> Result<u64, StoreError> {
        let reply: SweepReply = self.exchange.ask(&Call::Sweep { seconds: trash_seconds }).await?;
        Ok(reply.removed)
    }
}
