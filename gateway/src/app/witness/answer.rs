//! An answer of a witness.

use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use crate::ledger::log::note::WitnessAnswer;

const TEXT: &str = "text/plain; charset=utf-8";
const SIZE: &str = "text/x.tlog.size";

/// Status, type and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    content_type: &'static str,
    body: String,
}

impl Answer {
    pub(super) fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: TEXT, body: format!("{}\n", body.into().trim_end_matches('\n')) }
    }

    /// A size in the standard form: where to go on from.
    pub(super) fn size(status: u16, size: u64) -> Self {
        Self { status, content_type: SIZE, body: format!("{size}\n") }
    }

    pub(super) fn note(status: u16, note: String) -> Self {
        Self { status, content_type: TEXT, body: note }
    }

    #[cfg(test)]
    pub(super) fn body(&self) -> &str {
        &self.body
    }

    pub(super) fn json(body: String) -> Self {
        Self { status: 200, content_type: "application/json", body }
    }

    pub(super) fn failed(error: &anyhow::Error) -> Self {
        tracing::error!(%error, "a witness cannot answer");
        Self::text(500, "the witness cannot read or write what it keeps: try again later")
    }
}

impl From<WitnessAnswer> for Answer {
    fn from(answer: WitnessAnswer) -> Self {
        Self { status: answer.status(), content_type: answer.content_type(), body: answer.body() }
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response()
    }
}
