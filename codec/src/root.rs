//! What proves a sliver.

use serde::{Deserialize, Serialize};

/// The root of a sliver: one hash that commits to its header, to every block and to the blob's lengths. The metadata keeps it,
/// because a stale, swapped or forged sliver is consistent in itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Root(pub [u8; 32]);

crate::hex_text::hex_name!(Root);
