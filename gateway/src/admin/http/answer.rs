//! Answers of the API: JSON, refusals included.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};

use crate::admin::error::AdminError;

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request is not as the document says.
    Malformed(String),
    /// There is no such path.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// The body is longer than is read.
    TooLarge,
    /// The operation is refused, or cannot be done now.
    Admin(AdminError),
}

impl From<AdminError> for Refusal {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

pub(super) fn answer(done: Result<Value, Refusal>) -> Response {
    let (status, kind, text) = match done {
        Ok(reply) => return Json(reply).into_response(),
        Err(Refusal::Malformed(text)) => (StatusCode::BAD_REQUEST, "malformed", text),
        Err(Refusal::NotFound) => {
            (StatusCode::NOT_FOUND, "not_found", "see /v1/openapi.json for what there is".to_owned())
        }
        Err(Refusal::MethodNotAllowed) => (
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "see /v1/openapi.json for the methods of this path".to_owned(),
        ),
        Err(Refusal::TooLarge) => {
            (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body did not arrive, or is too long".to_owned())
        }
        Err(Refusal::Admin(AdminError::Refused(text))) => (StatusCode::CONFLICT, "refused", text),
        Err(Refusal::Admin(AdminError::Unavailable(text))) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", text),
    };
    (status, Json(json!({ "kind": kind, "text": text }))).into_response()
}
