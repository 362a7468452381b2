//! Content on its way out: extents are read from slivers, verified, reconstructed where needed, and decrypted.
//!
//! `object_reader` hands bytes to a client, from `read_steps`, which cuts a range into steps; `read_memory` bounds what they hold, and ends responses by a `revocation`; `read_epochs` knows which
//! reads are under way; `fetch` reads and decrypts one run of pieces; `gather` decides which slivers to
//! ask and asks them. Not here: making lost slivers again (`maintenance`).

pub(crate) mod fetch;
pub(crate) mod gather;
pub(crate) mod gather_plan;
pub(crate) mod latency;
pub(crate) mod object_reader;
pub(crate) mod open;
pub(crate) mod opened_blob;
pub(crate) mod read_epochs;
pub(crate) mod read_memory;
mod read_steps;
pub(crate) mod revocation;
