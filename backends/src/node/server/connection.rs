//! A connection that makes progress or ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use metrics::Counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a connection may stand still: briefly until somebody on it has proven who they are.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    /// Until then.
    pub(super) unproven: Duration,
    /// From then on.
    pub(super) proven: Duration,
    is_proven: Arc<AtomicBool>,
    working: Arc<AtomicUsize>,
}

/// The node works on a request of the connection until this is dropped.
pub(super) struct Working(Arc<AtomicUsize>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Patience {
    pub(super) fn new(unproven: Duration, proven: Duration) -> Self {
        Self { unproven, proven, is_proven: Arc::default(), working: Arc::default() }
    }

    /// Somebody has proven who they are.
    pub(super) fn prove(&self) {
        self.is_proven.store(true, Ordering::Relaxed);
    }

    /// The node works on a request: that nothing moves meanwhile is its own doing. Whoever waits for more of the request bounds that
    /// itself.
    pub(super) fn work(&self) -> Working {
        self.working.fetch_add(1, Ordering::Relaxed);
        Working(Arc::clone(&self.working))
    }

    fn now(&self) -> Duration {
        if self.is_proven.load(Ordering::Relaxed) { self.proven } else { self.unproven }
    }
}

/// Bytes of requests and replies, heads included, without TLS. Label: direction (`in` or `out`).
const BYTES: &str = "haulout_node_bytes_total";

/// Ends with an error once no byte has moved for a while.
pub(super) struct Watched<S> {
    stream: S,
    patience: Patience,
    moved: Instant,
    deadline: Pin<Box<Sleep>>,
    received: Counter,
    sent: Counter,
}

impl<S> Watched<S> {
    /// Watches a stream.
    pub(super) fn new(stream: S, patience: Patience) -> Self {
        let deadline = Box::pin(tokio::time::sleep(patience.now()));
        let count = |direction| metrics::counter!(BYTES, "direction" => direction);
        Self { stream, patience, moved: Instant::now(), deadline, received: count("in"), sent: count("out") }
    }

    fn count_sent(&self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = polled {
            self.sent.increment(*bytes as u64);
        }
    }

    /// After a poll: waiting ends once nothing has moved for as long as it may. The timer is set again when it goes off, not with each byte.
    fn watch<T>(&mut self, polled: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.moved = Instant::now();
            return polled;
        }
        loop {
            ready!(self.deadline.as_mut().poll(cx));
            if self.patience.working.load(Ordering::Relaxed) > 0 {
                self.moved = Instant::now();
            }
            // Something may have moved since the timer was set, or have been proven.
            let until = self.moved + self.patience.now();
            if Instant::now() >= until {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.deadline.as_mut().reset(until);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.received.increment((buf.filled().len() - before) as u64);
        self.watch(polled, cx)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count_sent(&polled);
        self.watch(polled, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count_sent(&polled);
        self.watch(polled, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_that_moves_a_byte_now_and_then_lives_and_one_that_stalls_ends() {
        let (near, mut far) = tokio::io::duplex(16);
        let patience = Patience::new(Duration::from_secs(3), Duration::from_secs(10));
        let mut watched = Watched::new(near, patience.clone());
        for pause in [2, 2, 9, 9] {
            let send = async {
                tokio::time::sleep(Duration::from_secs(pause).min(Duration::from_secs(2))).await;
                // In the middle of the longer pauses it is proven who is there.
                (pause > 2).then(|| patience.prove());
                tokio::time::sleep(Duration::from_secs(pause.saturating_sub(2))).await;
                far.write_all(b"x").await.unwrap();
            };
            let (read, ()) = tokio::join!(watched.read_u8(), send);
            assert_eq!(read.unwrap(), b'x');
        }
        let begin = Instant::now();
        assert_eq!(watched.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begin.elapsed(), Duration::from_secs(10));
        let working = patience.work();
        let begin = Instant::now();
        let finish = async {
            tokio::time::sleep(Duration::from_secs(35)).await;
            drop(working);
        };
        let (read, ()) = tokio::join!(watched.read_u8(), finish);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut, "once the work is done, and not before");
        assert!((Duration::from_secs(35)..=Duration::from_secs(45)).contains(&begin.elapsed()));
        let (near, _far) = tokio::io::duplex(16);
        let mut unproven = Watched::new(near, Patience::new(Duration::from_secs(3), Duration::from_secs(10)));
        let begin = Instant::now();
        assert_eq!(unproven.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begin.elapsed(), Duration::from_secs(3));
    }
}
