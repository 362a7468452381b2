//! The bodies of requests and replies that are JSON. Fields that are not known are refused.

use serde::{Deserialize, Serialize};

use super::{Failure, SignedReceipt};

/// Reply to a streamed sliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealReply {
    /// The receipt.
    pub receipt: SignedReceipt,
}

/// Reply to a batch: for each sliver, in order, its receipt or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchReply {
    /// One for each sliver.
    pub slivers: Vec<Result<SignedReceipt, Failure>>,
}

/// Reply to a question for a length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LengthReply {
    /// Bytes of the sliver.
    pub len: u64,
}

/// A sliver in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedSliver {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// A page of a list, in the order of the names' last byte of the blob, then of the names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageReply {
    /// The slivers.
    pub slivers: Vec<ListedSliver>,
    /// Whether more follow.
    pub more: bool,
}

/// Reply to a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepReply {
    /// Files that were removed.
    pub removed: u64,
    /// Age of trash that was removed, in seconds: what was asked for, or the node's minimum.
    pub trash_seconds: u64,
}

/// Reply to a question for space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceReply {
    /// Bytes the cluster may still store: of its quota or of the disk, whichever is less.
    pub free_bytes: u64,
    /// Writes are refused for want of space.
    pub is_short: bool,
    /// Bytes of slivers that are visible.
    pub live_bytes: u64,
    /// Bytes of slivers in the trash; they count against the quota.
    pub trash_bytes: u64,
    /// The most that live and trash together may have.
    pub quota_bytes: u64,
    /// Bytes that the node still moves for the cluster until the day of UTC is over; null if it does not bound them.
    pub day_bytes_left: Option<u64>,
}

/// Reply to a question for the pulse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PulseReply {
    /// The generation that the marker claims.
    pub generation: u64,
    /// The last heartbeat, in hexadecimal digits.
    pub heartbeat: Option<String>,
}

/// Asks for a store, or for another generation of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatRequest {
    /// Without one: format it if it was never used, and leave it as it is if it is this backend. With one: what is there becomes
    /// this generation.
    pub generation: Option<u64>,
}
