//! Content that is not where the placement rules of buckets want it: found, moved by repair, and split where rules disagree.

pub(crate) mod rules;
pub(crate) mod split;
