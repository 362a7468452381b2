//! The event queue: messages are inserted with their change, claimed in order, and deleted when delivered.

pub(in crate::metadata) mod due_events;
mod event_draft;
pub(super) mod event_queue;

pub use event_draft::{EventDraft, EventTrigger};
pub use event_queue::{ClaimedEvents, Event};
