//! XML documents of S3 that more than one operation reads or writes, and the XML reader and writer below them.

pub(crate) mod encoding;
pub(crate) mod lifecycle;
pub(crate) mod listing;
pub(crate) mod listing_input;
pub(crate) mod notification;
pub(crate) mod tags;
pub(crate) mod xml;
