//! Bodies that have to be read before it is known who sends them: the signature of an IAM or STS call covers its body, and
//! that of a form from a browser lies in it.
//!
//! They have places of their own, a share of them for each peer, and little time. So whoever holds them all keeps others
//! from these two kinds of requests for seconds, and from no other request at all.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use tokio::sync::Semaphore;

use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::connection_info::ConnectionInfo;
use crate::s3::pipeline::peers::{Peer, PeerCounts};

/// The longest such a body may take: some ten kibibytes a second for the largest.
const TIME_MAX: Duration = Duration::from_secs(15);

/// The places.
#[derive(Debug)]
pub struct UnverifiedBodies {
    places: Semaphore,
    by_peer: Arc<PeerCounts>,
    per_peer: usize,
}

impl UnverifiedBodies {
    /// So many places at once, and so many of them for one peer.
    #[must_use]
    pub fn new(places: usize, per_peer: usize) -> Self {
        let places = Semaphore::new(places.min(Semaphore::MAX_PERMITS));
        Self { places, by_peer: Arc::default(), per_peer }
    }

    /// Reads a body, or the part of it that proves something.
    ///
    /// # Errors
    /// `SlowDown` when no place is free, `RequestTimeout`, and what the reading says.
    pub async fn read<T>(&self, head: &Parts, reading: impl Future<Output = Result<T, S3Error>>) -> Result<T, S3Error> {
        let full = || S3Error::unavailable("too many bodies are being read that nobody has vouched for").closing();
        let peer = ConnectionInfo::of(head).peer.and_then(Peer::sharing);
        let _share = self.by_peer.take(peer, self.per_peer).ok_or_else(full)?;
        let _place = self.places.try_acquire().map_err(|_| full())?;
        let late = |_| S3Error::new(Code::RequestTimeout).closing();
        tokio::time::timeout(TIME_MAX, reading).await.map_err(late)?
    }
}

impl Default for UnverifiedBodies {
    fn default() -> Self {
        Self::new(128, 32)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn from(address: &str) -> Parts {
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.extensions.insert(ConnectionInfo { peer: address.parse().ok(), encrypted: false, tls_version: None });
        head
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_has_its_share_and_all_have_an_end() {
        let bodies = UnverifiedBodies::new(3, 2);
        let (greedy, other, here) = (from("192.0.2.1"), from("192.0.2.2"), from("127.0.0.1"));
        let (mut one, mut two) = (
            Box::pin(bodies.read(&greedy, pending::<Result<(), S3Error>>())),
            Box::pin(bodies.read(&greedy, pending())),
        );
        assert!(futures::poll!(&mut one).is_pending() && futures::poll!(&mut two).is_pending());
        let refused = bodies.read(&greedy, ready(Ok(()))).await.expect_err("its share is taken");
        assert!(refused.code == Code::SlowDown && refused.close, "{refused}");
        bodies.read(&other, ready(Ok(()))).await.expect("another peer has its own");
        let mut three = Box::pin(bodies.read(&here, pending::<Result<(), S3Error>>()));
        assert!(futures::poll!(&mut three).is_pending());
        assert_eq!(bodies.read(&other, ready(Ok(()))).await.expect_err("no place is left").code, Code::SlowDown);
        let late = (one.await, two.await, three.await);
        for ended in [late.0, late.1, late.2] {
            assert_eq!(ended.expect_err("too slow").code, Code::RequestTimeout);
        }
        bodies.read(&greedy, ready(Ok(()))).await.expect("what was held came back");
    }
}
