//! Publishes the ledger: the log's secrets, and the one sequencer that appends an epoch to it and signs. What a log is and how it is
//! verified: `ledger::log`.

mod cosigning;
mod log_keys;
mod publish;

pub use cosigning::{SectionToRecompute, add_cosignature, checkpoint_request, keep_refusal, section_after};
pub use log_keys::{LogKeys, PublicationError, SEALED_FOR};
pub use publish::{Posted, Published, publish, publish_epoch};
