//! Maps errors of system calls to [`StoreError`].

use rustix::io::Errno;

use crate::StoreError;

/// What was being done when the error came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorContext {
    /// Reading: refused permission is an operator's business.
    Reading,
    /// Writing or removing: a directory that does not take writes is down for writes.
    Writing,
}

/// Translates an error of a system call on a sliver.
pub(super) fn store_error(errno: Errno, doing: ErrorContext) -> StoreError {
    match errno {
        Errno::NOENT => StoreError::NotFound,
        Errno::EXIST => StoreError::AlreadyExists,
        Errno::NOSPC | Errno::DQUOT => StoreError::Full,
        Errno::IO | Errno::UCLEAN | Errno::BADMSG | Errno::NODATA | Errno::ISDIR => StoreError::damaged(errno),
        Errno::ACCESS | Errno::PERM if doing == ErrorContext::Reading => {
            StoreError::Denied { reason: errno.to_string() }
        }
        other => StoreError::unavailable(other),
    }
}

/// For calls on the backend's own folders: there, "not found" means that the backend is not what it was.
pub(super) fn folder_error(errno: Errno, doing: ErrorContext) -> StoreError {
    match errno {
        Errno::NOENT | Errno::NOTDIR => StoreError::wrong(format!("its folders are gone: {errno}")),
        other => store_error(other, doing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_errno_asks_for_its_own_reaction() {
        let cases = [
            (Errno::NOENT, "not_found", "not_found"),
            (Errno::EXIST, "already_exists", "already_exists"),
            (Errno::NOSPC, "full", "full"),
            (Errno::DQUOT, "full", "full"),
            (Errno::IO, "damaged", "damaged"),
            (Errno::STALE, "unavailable", "unavailable"),
            (Errno::ACCESS, "denied", "unavailable"),
            (Errno::PERM, "denied", "unavailable"),
            (Errno::ROFS, "unavailable", "unavailable"),
            (Errno::MFILE, "unavailable", "unavailable"),
        ];
        for (errno, reading, writing) in cases {
            assert_eq!(store_error(errno, ErrorContext::Reading).kind(), reading, "{errno}");
            assert_eq!(store_error(errno, ErrorContext::Writing).kind(), writing, "{errno}");
        }
        assert_eq!(folder_error(Errno::NOENT, ErrorContext::Writing).kind(), "wrong_backend");
    }
}
