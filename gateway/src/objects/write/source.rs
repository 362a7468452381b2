//! A body being received, and what of it is held.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::domain::{ChecksumAlgorithm, Peer};
use crate::objects::error::ObjectsError;
use crate::objects::write::body::IncomingBody;
use crate::objects::write::body_error::BodyError;
use crate::objects::write::frames::Frames;

/// How long a stripe may take to arrive before its sender counts as slow.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// Why receiving paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// As much as was asked for is held.
    Full,
    /// The body ended; all that is left of it is held.
    Ended,
    /// The sender is slow, and another request waits for memory.
    Slow,
}

type Received = (Box<dyn IncomingBody>, Result<Option<bytes::Bytes>, BodyError>);

/// Where the body is.
enum Wire {
    Idle(Box<dyn IncomingBody>),
    /// The next frame is waited for. The wait outlives who began it: bodies need not stand being interrupted.
    Receiving(BoxFuture<'static, Received>),
    /// Taken out, or broken.
    Gone,
}

/// A body being received.
pub(crate) struct BodySource {
    wire: Wire,
    held: Frames,
    ended: bool,
    received: u64,
    received_max: u64,
    peer: Option<Peer>,
    /// Since when the bytes that are held are being collected.
    since: Instant,
}

impl BodySource {
    /// Receives this body, at most `received_max` bytes of it.
    pub(crate) fn new(body: Box<dyn IncomingBody>, received_max: u64) -> Self {
        let (peer, since) = (body.peer(), Instant::now());
        Self { wire: Wire::Idle(body), held: Frames::default(), ended: false, received: 0, received_max, peer, since }
    }

    /// Whose share of the memory for writes it waits in.
    pub(crate) fn peer(&self) -> Option<Peer> {
        self.peer
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether the end has been seen: nothing more will be held.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether its sender is slow: what is held took long to come.
    pub(crate) fn is_slow(&self) -> bool {
        self.since.elapsed() > SLOW_AFTER
    }

    /// Receives until `bytes` are held, the body ends, or the sender is slow while it is `has_waiters`. May be dropped and
    /// called again.
    ///
    /// # Errors
    /// Whatever the body breaks.
    pub(crate) async fn fill(&mut self, bytes: usize, has_waiters: impl Fn() -> bool) -> Result<Filled, ObjectsError> {
        while self.held.len() < bytes && !self.ended {
            if has_waiters() && self.is_slow() {
                return Ok(Filled::Slow);
            }
            if let Ok(received) = tokio::time::timeout(SLOW_AFTER, self.receive()).await {
                received?;
            }
        }
        Ok(if self.held.len() < bytes { Filled::Ended } else { Filled::Full })
    }

    /// Takes the first `bytes` of what is held, or all of it when it is less.
    pub(crate) fn take(&mut self, bytes: usize) -> Frames {
        self.since = Instant::now();
        self.held.take(bytes)
    }

    /// The checksum the trailer carried; `None` before the end.
    pub(crate) fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        match &mut self.wire {
            Wire::Idle(body) if self.ended => body.trailing_checksum(),
            _ => None,
        }
    }

    /// Receives one frame.
    async fn receive(&mut self) -> Result<(), ObjectsError> {
        if let Wire::Idle(_) = self.wire
            && let Wire::Idle(mut body) = std::mem::replace(&mut self.wire, Wire::Gone)
        {
            let frame = async move {
                let frame = body.next().await;
                (body, frame)
            };
            self.wire = Wire::Receiving(frame.boxed());
        }
        let Wire::Receiving(frame) = &mut self.wire else { return Err(BodyError::Incomplete.into()) };
        let (body, frame) = frame.await;
        self.wire = Wire::Idle(body);
        match frame? {
            None => self.ended = true,
            Some(frame) => {
                self.received += frame.len() as u64;
                if self.received > self.received_max {
                    return Err(BodyError::TooLarge.into());
                }
                self.held.push(frame);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use bytes::Bytes;

    /// Sends one byte after each pause; a frame that is interrupted is lost.
    struct Dripping(u8, Duration);

    #[async_trait]
    impl IncomingBody for Dripping {
        async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
            let Some(left) = self.0.checked_sub(1) else { return Ok(None) };
            self.0 = left;
            tokio::time::sleep(self.1).await;
            Ok(Some(Bytes::copy_from_slice(&[left])))
        }

        fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
            (self.0 == 0).then(|| (ChecksumAlgorithm::Crc32, vec![7; 4]))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_sender_is_waited_for_as_long_as_nobody_else_waits() {
        let mut source = BodySource::new(Box::new(Dripping(6, Duration::from_secs(5))), 6);
        assert_eq!(source.fill(2, || false).await.expect("sent"), Filled::Full);
        assert!(source.is_slow());
        assert_eq!(source.fill(4, || true).await.expect("sent"), Filled::Slow);
        assert_eq!(source.take(1).slices().concat(), [5]);
        assert!(!source.is_slow());
        assert_eq!(source.fill(3, || true).await.expect("sent"), Filled::Slow);
        assert!(source.trailing_checksum().is_none());
        assert_eq!(source.fill(9, || false).await.expect("sent"), Filled::Ended);
        assert_eq!(source.take(9).slices().concat(), [4, 3, 2, 1, 0]);
        assert!(source.trailing_checksum().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_much_is_refused() {
        let mut source = BodySource::new(Box::new(Dripping(6, Duration::ZERO)), 5);
        assert_eq!(source.fill(5, || false).await.expect("sent"), Filled::Full);
        assert!(matches!(source.fill(6, || false).await, Err(ObjectsError::Body(BodyError::TooLarge))));
    }
}
