//! What an operator may set, and what bounds everything else.

use std::time::Duration;

/// Bounds of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// What is deleted stays in the trash for so many seconds at least, whoever asks.
    pub trash_min_seconds: u64,
    /// Connections at once.
    pub connections_max: usize,
    /// Requests at once, replies that are being read included; one cluster may have half of them.
    pub requests_max: usize,
    /// Bytes of slivers that one cluster may send and fetch in a day (UTC), together; none without.
    pub day_bytes_max: Option<u64>,
    /// Bytes of one sliver.
    pub sliver_bytes_max: u64,
    /// Time for a TLS handshake, for a request's head, and between two bytes until somebody on the connection has proven who they
    /// are.
    pub first_byte: Duration,
    /// Time in which a connection must move a byte from then on.
    pub idle: Duration,
    /// With fewer free bytes than this on the disk, writes are refused; by default as for directories.
    pub free_floor_bytes: Option<u64>,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            trash_min_seconds: 7 * 24 * 3600,
            connections_max: 512,
            requests_max: 128,
            day_bytes_max: None,
            sliver_bytes_max: 1 << 30,
            first_byte: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            free_floor_bytes: None,
        }
    }
}

/// Openings of sessions at once, apart from waiting for their bytes: each verifies a signature for somebody who is not known yet.
pub(super) const OPENINGS_MAX: usize = 8;

/// Bytes of bodies that are held whole, at once.
pub(super) const HELD_BYTES_MAX: u32 = 64 << 20;

/// How many of them one cluster may take.
pub(super) const TENANT_HELD_BYTES_MAX: u32 = HELD_BYTES_MAX / 2;

/// Sessions of one cluster: one for each gateway and restart. The one that was idle longest goes.
pub(super) const SESSIONS_MAX: usize = 64;

/// Bytes of a request's head, and of one read from a connection.
pub(super) const HEAD_BYTES_MAX: usize = 128 << 10;

/// Lines in a request's head.
pub(super) const HEADERS_MAX: usize = 32;
