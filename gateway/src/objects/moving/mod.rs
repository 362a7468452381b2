//! Content that is not where it should be: outside the placement rules of buckets, on a backend that is replaced, or elsewhere than the weights
//! want it. It is found here and moved by repair, whose plans are carried out here too.

pub(crate) mod carry_out;
pub(crate) mod copy_sliver;
pub(crate) mod discard;
pub(crate) mod discard_pauses;
pub(crate) mod held;
pub(crate) mod pace;
pub(crate) mod progress;
pub(crate) mod rebalance;
pub(crate) mod repair_meter;
pub(crate) mod repair_pace;
pub(crate) mod replacement;
pub(crate) mod rules;
pub(crate) mod split;
