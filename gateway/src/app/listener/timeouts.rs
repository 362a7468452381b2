//! Limits and timeouts of connections.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::LimitsConfig;
use crate::s3::Peer;

/// How long a slow body is observed before it times out, so that a pause alone does not end it.
const BODY_WINDOW: Duration = Duration::from_secs(20);
/// How long a connection that is closed goes on reading what nobody wants, and how long it waits for that.
const LINGER: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(5));
/// How long a connection keeps its buffers for the next request.
const REST: Duration = Duration::from_secs(1);
/// Time between two sweeps.
const SWEEP: Duration = Duration::from_millis(250);

/// Limits and timeouts of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Connections at once.
    pub connections: usize,
    /// Requests at once.
    pub requests: usize,
    /// Connections at once of one peer.
    pub connections_per_peer: usize,
    /// Requests at once of one peer.
    pub requests_per_peer: usize,
    /// Whether the machine itself is a peer like others: for tests, which come from nowhere else.
    pub loopback_is_a_peer: bool,
    /// Time to the first byte of a new connection.
    pub first_byte: Duration,
    /// A request's head may take this long from its first byte on.
    pub header: Duration,
    /// A TLS handshake may take this long.
    pub handshake: Duration,
    /// Time a connection may be idle between requests.
    pub idle: Duration,
    /// After this long between requests a connection gives its buffers back.
    pub rest: Duration,
    /// A connection that is closed while its client may still be sending reads on this long at the most.
    pub linger: Duration,
    /// It stops when nothing comes for this long.
    pub linger_pause: Duration,
    /// A client may leave a response untouched this long.
    pub write: Duration,
    /// The least average of body bytes a second while they are waited for.
    pub body_rate_min: u64,
    /// The time over which that average is taken.
    pub body_window: Duration,
    /// Time between two sweeps.
    pub sweep: Duration,
}

impl From<&LimitsConfig> for Timeouts {
    fn from(limits: &LimitsConfig) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Self {
            connections: limits.connections,
            requests: limits.requests,
            connections_per_peer: limits.connections_per_peer,
            requests_per_peer: limits.requests_per_peer,
            loopback_is_a_peer: false,
            first_byte: seconds(limits.first_byte_seconds),
            header: seconds(limits.header_seconds),
            handshake: seconds(limits.handshake_seconds),
            idle: seconds(limits.idle_seconds),
            rest: REST,
            linger: LINGER.0,
            linger_pause: LINGER.1,
            write: seconds(limits.write_seconds),
            body_rate_min: limits.body_rate_min,
            body_window: BODY_WINDOW,
            sweep: SWEEP,
        }
    }
}

impl Timeouts {
    /// Whose share an address takes from; nobody's, if it has none.
    pub(super) fn peer(&self, address: Option<IpAddr>) -> Option<Peer> {
        address
            .and_then(|address| if self.loopback_is_a_peer { Some(Peer::of(address)) } else { Peer::sharing(address) })
    }
}
