//! How a node refuses: a stable code, its HTTP status, and the error of a store it means.

use serde::{Deserialize, Serialize};

use crate::StoreError;

/// A refusal, as it travels in the body of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("{message} ({code})", code = self.code.text())]
pub struct Failure {
    /// What kind.
    pub code: FailureCode,
    /// What was seen, for people.
    pub message: String,
}

/// Codes of [`Failure`]. The names are a part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// [`StoreError::NotFound`].
    NotFound,
    /// [`StoreError::AlreadyExists`].
    AlreadyExists,
    /// [`StoreError::Unavailable`].
    Unavailable,
    /// [`StoreError::Full`]: the disk, or the cluster's quota.
    Full,
    /// [`StoreError::Damaged`].
    Damaged,
    /// [`StoreError::WrongBackend`].
    WrongBackend,
    /// [`StoreError::TimedOut`].
    TimedOut,
    /// [`StoreError::Denied`].
    Denied,
    /// [`StoreError::Misconfigured`].
    Misconfigured,
    /// The node has not admitted the cluster with this key, or does not any more.
    NotAdmitted,
    /// There is no such session: the node was restarted, or it was idle for long. Open one and repeat.
    UnknownSession,
    /// A request with this counter was seen in this session, or the counter is too old.
    Replayed,
    /// The signed time is too far from the node's clock.
    Stale,
    /// The signature does not fit the request.
    BadSignature,
    /// Another version of the protocol.
    UnknownVersion,
    /// Not a request of this protocol.
    Malformed,
    /// The bytes are not the sliver they should be. Nothing was kept.
    NotTheSliver,
    /// More bytes than the node takes at once.
    TooLarge,
    /// Too much is under way, or the day's allowance is used up.
    Busy,
    /// The epoch has another commitment, or is older than all that are kept.
    EpochConflict,
}

/// What a code means to the caller of a store.
enum Meaning {
    Plain(StoreError),
    Reason(fn(String) -> StoreError),
}

/// The one table: code, text, status, error.
fn row(code: FailureCode) -> (&'static str, u16, Meaning) {
    use FailureCode as C;
    use Meaning::{Plain, Reason};
    let unavailable: fn(String) -> StoreError = |reason| StoreError::Unavailable { reason };
    let denied: fn(String) -> StoreError = |reason| StoreError::Denied { reason };
    let damaged: fn(String) -> StoreError = |reason| StoreError::Damaged { reason };
    let misconfigured: fn(String) -> StoreError = |reason| StoreError::Misconfigured { reason };
    match code {
        C::NotFound => ("not_found", 404, Plain(StoreError::NotFound)),
        C::AlreadyExists => ("already_exists", 409, Plain(StoreError::AlreadyExists)),
        C::Unavailable => ("unavailable", 503, Reason(unavailable)),
        C::Full => ("full", 507, Plain(StoreError::Full)),
        C::Damaged => ("damaged", 500, Reason(damaged)),
        C::WrongBackend => ("wrong_backend", 421, Reason(|reason| StoreError::WrongBackend { reason })),
        C::TimedOut => ("timed_out", 504, Plain(StoreError::TimedOut)),
        C::Denied => ("denied", 403, Reason(denied)),
        C::Misconfigured => ("misconfigured", 400, Reason(misconfigured)),
        C::NotAdmitted => ("not_admitted", 403, Reason(denied)),
        C::UnknownSession => ("unknown_session", 401, Reason(unavailable)),
        C::Replayed => ("replayed", 401, Reason(denied)),
        C::Stale => ("stale", 401, Reason(denied)),
        C::BadSignature => ("bad_signature", 401, Reason(denied)),
        C::UnknownVersion => ("unknown_version", 400, Reason(misconfigured)),
        C::Malformed => ("malformed", 400, Reason(misconfigured)),
        C::NotTheSliver => ("not_the_sliver", 422, Reason(damaged)),
        C::TooLarge => ("too_large", 413, Reason(damaged)),
        C::Busy => ("busy", 503, Reason(unavailable)),
        // Not an error of the node as a whole: the name of the epoch is taken.
        C::EpochConflict => ("epoch_conflict", 409, Plain(StoreError::AlreadyExists)),
    }
}

impl FailureCode {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::Unavailable,
        Self::Full,
        Self::Damaged,
        Self::WrongBackend,
        Self::TimedOut,
        Self::Denied,
        Self::Misconfigured,
        Self::NotAdmitted,
        Self::UnknownSession,
        Self::Replayed,
        Self::Stale,
        Self::BadSignature,
        Self::UnknownVersion,
        Self::Malformed,
        Self::NotTheSliver,
        Self::TooLarge,
        Self::Busy,
        Self::EpochConflict,
    ];

    /// The code as it is written.
    #[must_use]
    pub fn text(self) -> &'static str {
        row(self).0
    }

    /// The HTTP status of a reply with it.
    #[must_use]
    pub fn status(self) -> u16 {
        row(self).1
    }
}

impl Failure {
    /// A refusal.
    #[must_use]
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What it means to the caller of a store. (Not a `From`: with a second one, `?` in streams of [`StoreError`] no longer knows
    /// its type.)
    #[must_use]
    pub fn into_store_error(self) -> StoreError {
        match row(self.code).2 {
            Meaning::Plain(error) => error,
            Meaning::Reason(error) => error(self.message),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        // The first nine codes are those of a store's errors, and have their names.
        let code = FailureCode::ALL.into_iter().find(|code| code.text() == error.kind());
        let message = match &error {
            StoreError::Unavailable { reason }
            | StoreError::Damaged { reason }
            | StoreError::WrongBackend { reason }
            | StoreError::Denied { reason }
            | StoreError::Misconfigured { reason } => reason.clone(),
            StoreError::NotFound | StoreError::AlreadyExists | StoreError::Full | StoreError::TimedOut => {
                error.to_string()
            }
        };
        Self { code: code.unwrap_or(FailureCode::Unavailable), message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_a_store_comes_back_as_it_was() {
        let reason = || "because".to_owned();
        for error in [
            StoreError::NotFound,
            StoreError::AlreadyExists,
            StoreError::Unavailable { reason: reason() },
            StoreError::Full,
            StoreError::Damaged { reason: reason() },
            StoreError::WrongBackend { reason: reason() },
            StoreError::TimedOut,
            StoreError::Denied { reason: reason() },
            StoreError::Misconfigured { reason: reason() },
        ] {
            assert_eq!(Failure::from(error.clone()).into_store_error(), error);
        }
    }

    #[test]
    fn every_code_is_written_as_it_is_called_and_has_a_status_of_an_error() {
        for code in FailureCode::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.text()));
            assert!((400..600).contains(&code.status()), "{code:?}");
        }
        assert!(serde_json::from_str::<Failure>(r#"{"code":"x","message":""}"#).is_err());
        assert!(serde_json::from_str::<Failure>(r#"{"code":"busy","message":"","more":1}"#).is_err());
    }
}
