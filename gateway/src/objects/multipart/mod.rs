//! Multipart uploads: begun, filled with parts, completed or aborted. Completing is metadata alone.
//!
//! Not here: how the body of a part becomes slivers (`write`).

pub(crate) mod claims;
pub(crate) mod complete;
pub(crate) mod part;
