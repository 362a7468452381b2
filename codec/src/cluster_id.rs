//! The name of a cluster.

use serde::{Deserialize, Serialize};

/// Which Haulout cluster something belongs to: 16 random bytes, drawn once. Written into every sliver so that a backend that is
/// attached to the wrong cluster is recognised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClusterId(pub [u8; 16]);

crate::hex_text::hex_name!(ClusterId);
