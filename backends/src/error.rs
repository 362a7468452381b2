//! Errors of storage targets.

/// Why an operation on a backend failed. Each variant asks for another reaction of the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no sliver of that name: read another sliver, queue a repair.
    #[error("there is no such sliver")]
    NotFound,
    /// The name is taken: names are never reused, so take the next attempt.
    #[error("a sliver of that name exists already")]
    AlreadyExists,
    /// The backend does not answer, or refuses work for now: use another backend, come back later.
    #[error("the backend is unavailable: {reason}")]
    Unavailable {
        /// What was seen.
        reason: String,
    },
    /// There is no space for writes; reads and deletes still work: write elsewhere.
    #[error("the backend is full")]
    Full,
    /// This sliver is lost or not what was written (I/O error, too short): never retry on it, repair it elsewhere.
    #[error("the sliver is damaged: {reason}")]
    Damaged {
        /// What was seen.
        reason: String,
    },
    /// What is reachable there is not this backend (format marker missing or foreign): an unmounted, swapped or
    /// emptied disk. Nothing was written. An operator must look.
    #[error("this is not the right backend: {reason}")]
    WrongBackend {
        /// What was seen.
        reason: String,
    },
    /// No answer within the deadline; the operation may still take effect: use another backend.
    #[error("the backend did not answer in time")]
    TimedOut,
    /// Permission or credentials are refused: repeating does not help, an operator must look.
    #[error("the backend denies access: {reason}")]
    Denied {
        /// What was seen.
        reason: String,
    },
    /// The configuration of the backend makes no sense: refuse to start.
    #[error("the backend is misconfigured: {reason}")]
    Misconfigured {
        /// What is wrong, in the words of the configuration.
        reason: String,
    },
}

/// The variants of [`StoreError`] as a word, for labels of metrics and for logs.
impl StoreError {
    /// The kind of error in one word of snake case.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Unavailable { .. } => "unavailable",
            Self::Full => "full",
            Self::Damaged { .. } => "damaged",
            Self::WrongBackend { .. } => "wrong_backend",
            Self::TimedOut => "timed_out",
            Self::Denied { .. } => "denied",
            Self::Misconfigured { .. } => "misconfigured",
        }
    }

    /// Whether the error speaks about the backend as a whole, so that the next operation is likely to fail too.
    #[must_use]
    pub fn is_about_backend(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::TimedOut
                | Self::WrongBackend { .. }
                | Self::Denied { .. }
                | Self::Misconfigured { .. }
        )
    }

    pub(crate) fn unavailable(reason: impl ToString) -> Self {
        Self::Unavailable { reason: reason.to_string() }
    }

    pub(crate) fn damaged(reason: impl ToString) -> Self {
        Self::Damaged { reason: reason.to_string() }
    }

    pub(crate) fn wrong(reason: impl ToString) -> Self {
        Self::WrongBackend { reason: reason.to_string() }
    }

    pub(crate) fn misconfigured(reason: impl ToString) -> Self {
        Self::Misconfigured { reason: reason.to_string() }
    }
}
