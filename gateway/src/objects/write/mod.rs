//! Content on its way in: a body is received, digested, coded and written to backends, and then committed.
//!
//! `put` and `append` are the use cases; `source` -> `ingest` takes the body in; small objects share a quilt (`quilter`),
//! large ones are streamed (`streaming` -> `sink` -> `fanout`). What a failed write leaves is `uncommitted`.
//! Not here: parts of uploads (`multipart`), digests (`digests`), encryption below the digests (`encryption`).

pub(crate) mod append;
pub(crate) mod body;
pub(crate) mod body_error;
pub(crate) mod catalog_entry;
pub(crate) mod entry;
pub(crate) mod fanout;
pub(crate) mod frames;
pub(crate) mod ingest;
pub(crate) mod memory;
pub(crate) mod publish;
pub(crate) mod put;
pub(crate) mod quilter;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod store;
pub(crate) mod stragglers;
pub(crate) mod streaming;
pub(crate) mod targets;
pub(crate) mod uncommitted;
