//! From rows to the facts of a settlement. Pure: what is asked for is given.

pub(super) mod governance;
pub(super) mod held;
pub(super) mod losses;
pub(super) mod stakes;
