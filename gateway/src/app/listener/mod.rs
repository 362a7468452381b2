//! The listeners: sockets, TLS, connections, and the monitor that ends stalled ones.
//!
//! hyper is driven directly, without a server framework in between, because a framework's accept loop has no first-byte
//! timer, no cap and no control over idle connections. One [`ConnectionMonitor`] serves all listeners: instead of a timer per read,
//! every connection records its progress, and one sweep every quarter of a second looks for those
//! that stopped. A request pays a few relaxed stores for it.

mod accept;
mod bind;
mod body;
mod body_progress;
mod connection;
mod connection_progress;
mod idle;
mod lingering;
mod monitor;
mod refuse;
mod reply;
mod request;
mod stream;
mod sweep_clock;
mod timeouts;
mod tls;

#[cfg(test)]
mod tests;

pub use accept::Listener;
pub use bind::bind;
pub use monitor::ConnectionMonitor;
pub use request::Handler;
pub use timeouts::Timeouts;
pub use tls::{Certificates, TlsError};
