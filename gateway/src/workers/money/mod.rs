//! Background work about money besides epochs and settlements.

pub(super) mod given_up;
pub(super) mod metrics;
pub(super) mod witnesses;
