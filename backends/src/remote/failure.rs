//! Maps errors of object stores to [`StoreError`].

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

use crate::StoreError;

/// Longest reason that is kept: servers answer with whole pages.
const REASON_CHARS: usize = 300;

/// Translates an error of an object store.
pub(super) fn store_error(error: &Error) -> StoreError {
    let reason = || error.to_string().chars().take(REASON_CHARS).collect::<String>();
    match error {
        Error::NotFound { .. } => StoreError::NotFound,
        Error::AlreadyExists { .. } | Error::Precondition { .. } => StoreError::AlreadyExists,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => StoreError::Denied { reason: reason() },
        Error::NotSupported { .. } | Error::NotImplemented { .. } | Error::UnknownConfigurationKey { .. } => {
            StoreError::misconfigured(reason())
        }
        other if timed_out(other) => StoreError::TimedOut,
        // 507 is WebDAV's word for a full disk; the client gives the status in its text only.
        other if other.to_string().contains("507 Insufficient Storage") => StoreError::Full,
        _ => StoreError::unavailable(reason()),
    }
}

fn timed_out(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.downcast_ref::<HttpError>().is_some_and(|http| http.kind() == HttpErrorKind::Timeout) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_asks_for_its_own_reaction() {
        let path = || "p".to_owned();
        let because = |text: &str| Box::<dyn std::error::Error + Send + Sync>::from(text.to_owned());
        let cases = [
            (Error::NotFound { path: path(), source: because("404") }, "not_found"),
            (Error::AlreadyExists { path: path(), source: because("412") }, "already_exists"),
            (Error::PermissionDenied { path: path(), source: because("403") }, "denied"),
            (Error::Unauthenticated { path: path(), source: because("401") }, "denied"),
            (Error::NotImplemented { operation: path(), implementer: path() }, "misconfigured"),
            (Error::Generic { store: "dav", source: because("status code: 507 Insufficient Storage") }, "full"),
            (Error::Generic { store: "s3", source: because("status code: 503") }, "unavailable"),
        ];
        for (error, kind) in cases {
            assert_eq!(store_error(&error).kind(), kind, "{error}");
        }
    }

    #[test]
    fn a_page_of_html_is_cut_short() {
        let page = "<p>ärger</p>".repeat(1000);
        let error = Error::Generic { store: "dav", source: page.into() };
        match store_error(&error) {
            StoreError::Unavailable { reason } => assert_eq!(reason.chars().count(), REASON_CHARS),
            other => panic!("{other:?}"),
        }
    }
}
