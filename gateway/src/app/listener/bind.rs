//! Opens listening sockets.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait for `accept`; the kernel lowers it to its own bound.
const BACKLOG: u32 = 4_096;

/// Listens on an address, at once again after a restart.
///
/// # Errors
/// Names the address: it is taken, or not this machine's.
pub fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    socket
        .and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(listen)?;
            socket.listen(BACKLOG)
        })
        .with_context(|| format!("cannot listen on {listen}"))
}
