//! Operations on objects: read, write, append, copy, delete, rename, tags, retention, forms.

pub(crate) mod append;
pub(crate) mod attributes;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod post;
pub(crate) mod read;
pub(crate) mod rename;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod tagging;
pub(crate) mod write;
