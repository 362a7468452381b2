//! The accept loop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::app::listener::connection::{ConnectionContext, serve};
use crate::app::listener::monitor::ConnectionMonitor;
use crate::app::listener::refuse::reject;
use crate::app::listener::request::Handler;
use crate::app::listener::tls::Certificates;
use crate::s3::ConnectionInfo;

/// Connections that are being answered 503; beyond these, connections are closed without a response.
const REJECTIONS_MAX: usize = 64;
/// Pause after an accept that failed for want of descriptors or memory: spinning would not free any.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// A socket that is listened on, and how its connections are served.
pub struct Listener<H> {
    /// The socket.
    pub socket: TcpListener,
    /// With these it speaks TLS.
    pub certificates: Option<Arc<Certificates>>,
    /// The monitor of its connections, which other listeners may share.
    pub monitor: Arc<ConnectionMonitor>,
    /// The request handler.
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
        let rejections = Arc::new(AtomicUsize::new(0));
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => self.accept_connection(stream, peer, &tasks, &rejections),
                Err(error) if passing(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    fn accept_connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        tasks: &TaskTracker,
        rejections: &Arc<AtomicUsize>,
    ) {
        let peer = Some(peer.ip().to_canonical());
        if let Some(permit) = self.monitor.admit(peer) {
            let connection_info = ConnectionInfo { peer, encrypted: self.certificates.is_some(), tls_version: None };
            let connection_context = ConnectionContext {
                connection_info,
                monitor: Arc::clone(&self.monitor),
                handler: self.handler.clone(),
            };
            let served = serve(stream, self.certificates.clone(), connection_context);
            tasks.spawn(async move {
                served.await;
                drop(permit);
            });
            return;
        }
        metrics::counter!("haulout_connections_refused_total").increment(1);
        // A TLS client could not read the answer.
        if self.certificates.is_none() && rejections.load(Ordering::Relaxed) < REJECTIONS_MAX {
            let rejections = Arc::clone(rejections);
            rejections.fetch_add(1, Ordering::Relaxed);
            tasks.spawn(async move {
                reject(stream).await;
                rejections.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

/// Errors of one connection, not of the socket.
fn passing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
