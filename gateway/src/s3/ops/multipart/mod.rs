//! Operations on multipart uploads and their parts.

pub(crate) mod complete;
pub(crate) mod list_uploads;
pub(crate) mod parts;
pub(crate) mod uploads;
