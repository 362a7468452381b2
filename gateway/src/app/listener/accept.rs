//! The accept loop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::connection::{Guest, serve};
use super::refuse::turn_away;
use super::request::Handler;
use super::tls::Certificates;
use super::watch::Watch;
use crate::s3::Arrival;

/// Connections that are being told it is full; beyond these they are closed without a word.
const PARTINGS_MAX: usize = 64;
/// Rest after an accept that failed for want of descriptors or memory: spinning would not free any.
const BREATH: Duration = Duration::from_millis(50);

/// A socket that is listened on, and how its connections are served.
pub struct Listener<H> {
    /// The socket.
    pub socket: TcpListener,
    /// With these it speaks TLS.
    pub certificates: Option<Arc<Certificates>>,
    /// The watch it shares with the other listeners.
    pub watch: Arc<Watch>,
    /// Who answers.
    pub handler: H,
}

impl<H: Handler> Listener<H> {
    /// The address, with the port the system chose if it was left to it.
    ///
    /// # Errors
    /// The operating system does not know.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts connections for ever; dropping the future closes the socket. Connections run on in `tasks`.
    pub async fn run(self, tasks: TaskTracker) {
        let partings = Arc::new(AtomicUsize::new(0));
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => self.welcome(stream, peer, &tasks, &partings),
                Err(error) if passing(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    fn welcome(&self, stream: TcpStream, peer: SocketAddr, tasks: &TaskTracker, partings: &Arc<AtomicUsize>) {
        let peer = Some(peer.ip().to_canonical());
        if let Some(place) = self.watch.admit(peer) {
            let arrival = Arrival { peer, encrypted: self.certificates.is_some(), tls_version: None };
            let guest = Guest { arrival, watch: Arc::clone(&self.watch), handler: self.handler.clone() };
            let served = serve(stream, self.certificates.clone(), guest);
            tasks.spawn(async move {
                served.await;
                drop(place);
            });
            return;
        }
        metrics::counter!("haulout_connections_refused_total").increment(1);
        // A TLS client could not read the answer.
        if self.certificates.is_none() && partings.load(Ordering::Relaxed) < PARTINGS_MAX {
            let partings = Arc::clone(partings);
            partings.fetch_add(1, Ordering::Relaxed);
            tasks.spawn(async move {
                turn_away(stream).await;
                partings.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

/// Errors of one connection, not of the socket.
fn passing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
