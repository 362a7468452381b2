//! Scenarios of objects: writes, versions, lists, uploads, walks, events, meters.

pub(crate) mod events;
pub(crate) mod large;
pub(crate) mod lists;
pub(crate) mod meters;
pub(crate) mod placed;
pub(crate) mod uploads;
pub(crate) mod versioned;
pub(crate) mod walks;
pub(crate) mod writes;
