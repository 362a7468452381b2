//! The listeners: sockets, TLS, connections, and the watch that ends those that do not move.
//!
//! hyper is driven directly, without a server framework in between, because a framework's accept loop has no first-byte
//! timer, no cap and no say about idle connections. One [`Watch`] serves all listeners: instead of a timer per read,
//! every connection leaves a mark when it makes progress, and one sweep every quarter of a second looks for those
//! that stopped. A request pays a few relaxed stores for it.

mod accept;
mod bind;
mod body;
mod connection;
mod connection_watch;
mod refuse;
mod reply;
mod request;
mod stream;
mod tls;
mod watch;

#[cfg(test)]
mod tests;

pub use accept::Listener;
pub use bind::bind;
pub use request::Handler;
pub use tls::{Certificates, TlsError};
pub use watch::{Patience, Watch};
