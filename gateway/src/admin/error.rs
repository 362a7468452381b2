//! Errors of admin operations.

use serde::{Deserialize, Serialize};

use crate::metadata::MetadataError;
use crate::objects::ObjectsError;

/// The text is for the operator. Crosses the admin socket as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", content = "text", rename_all = "snake_case")]
pub enum AdminError {
    /// The request is invalid: change it.
    #[error("{0}")]
    Refused(String),
    /// The database, a backend or the gateway cannot do it now: try again later.
    #[error("{0}")]
    Unavailable(String),
}

impl AdminError {
    /// A refusal.
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }
}

impl From<MetadataError> for AdminError {
    fn from(error: MetadataError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<ObjectsError> for AdminError {
    fn from(error: ObjectsError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The result of an admin operation.
pub type Result<T, E = AdminError> = std::result::Result<T, E>;
