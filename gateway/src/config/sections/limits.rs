//! `[limits]`: a number on everything a client can make grow.

use std::time::Duration;

use serde::Deserialize;

/// Bounds on memory, connections and time. All but `memory_bytes`, `body_seconds` and the bodies of nobody known take effect
/// again on SIGHUP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of object content in flight in the whole process; a request waits for its share or gets 503. Documents (lists of
    /// keys, settings, policies) may hold an eighth as much besides.
    pub memory_bytes: u64,
    /// Connections at once, on the S3 listeners together; one more is answered 503 and closed.
    pub connections: usize,
    /// Requests at once, HTTP/2 streams included; one more is answered 503 `SlowDown`.
    pub requests: usize,
    /// Connections at once of one peer (an address of IPv4, a network of 64 bits of IPv6); one more is answered 503 and
    /// closed before anything of it is read. Connections from the machine itself do not count.
    pub connections_per_peer: usize,
    /// Requests at once of one peer, HTTP/2 streams included; one more is answered 503 `SlowDown`.
    pub requests_per_peer: usize,
    /// Bodies at once that are read before it is known who sends them: calls of IAM and STS, and the fields of forms. One more
    /// is answered 503 `SlowDown` unread.
    pub unverified_bodies: usize,
    /// As many of them for one peer.
    pub unverified_bodies_per_peer: usize,
    /// Seconds to the first byte of a new connection.
    pub first_byte_seconds: u32,
    /// Seconds from the first byte of a request's head to its last.
    pub header_seconds: u32,
    /// Seconds a TLS handshake may take.
    pub handshake_seconds: u32,
    /// Seconds a connection may rest between requests.
    pub idle_seconds: u32,
    /// Seconds between two bytes of a request's body.
    pub body_seconds: u32,
    /// Bytes a second a body must bring on average while the gateway waits for it, measured over 20 seconds.
    pub body_rate_min: u64,
    /// Seconds without any byte of a response taken by the client.
    pub write_seconds: u32,
    /// Seconds requests get to finish after SIGTERM.
    pub shutdown_seconds: u32,
}

impl LimitsConfig {
    /// [`body_seconds`](Self::body_seconds) as a duration.
    #[must_use]
    pub fn body_idle(&self) -> Duration {
        Duration::from_secs(self.body_seconds.into())
    }

    /// Bytes that all documents together may hold while they are received and parsed.
    #[must_use]
    pub fn document_bytes(&self) -> u64 {
        self.memory_bytes / 8
    }

    /// [`shutdown_seconds`](Self::shutdown_seconds) as a duration.
    #[must_use]
    pub fn shutdown(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds.into())
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            memory_bytes: 288 << 20,
            connections: 4_096,
            requests: 2_048,
            connections_per_peer: 2_048,
            requests_per_peer: 1_024,
            unverified_bodies: 128,
            unverified_bodies_per_peer: 32,
            first_byte_seconds: 10,
            header_seconds: 10,
            handshake_seconds: 10,
            idle_seconds: 75,
            body_seconds: 30,
            body_rate_min: 1_024,
            write_seconds: 60,
            shutdown_seconds: 30,
        }
    }
}
