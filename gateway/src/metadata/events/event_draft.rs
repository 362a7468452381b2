//! Messages that are sent if their change succeeds.

use crate::domain::ETag;

/// Which outcome of a change sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTrigger {
    /// A version was written, or came from another key.
    Stored,
    /// A version was removed for good, or went to another key.
    Removed,
    /// A delete marker was made.
    Marked,
    /// A version was amended, whether or not that changed anything.
    Amended,
    /// An amendment changed a version.
    Changed,
}

/// A message that is sent if its change succeeds.
#[derive(Clone, Debug)]
pub struct EventDraft {
    /// Whether it is sent.
    pub when: EventTrigger,
    /// To which target.
    pub target: String,
    /// The message, as JSON, but for its place in the order and the version.
    pub record: String,
    /// Adds bytes and tag of the version to a message that lacks them, where the transaction alone knows them.
    pub complete: fn(&str, u64, ETag) -> String,
}
