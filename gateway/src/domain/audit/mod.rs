//! Audits: what they come to, and what is thought of a provider after them.

pub(super) mod method;
pub(super) mod reputation;
