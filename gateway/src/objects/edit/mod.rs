//! Changes of objects that receive no body: deletes, amendments of what is said about a version, renames, copies, transitions.

pub(crate) mod amend;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod recode;
pub(crate) mod rename;
pub(crate) mod transition;
