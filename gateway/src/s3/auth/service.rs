//! The services a signature can be for.

/// A service in the scope of a signature of version 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Buckets and objects.
    S3,
    /// Users, groups, roles, policies.
    Iam,
    /// Temporary credentials.
    Sts,
}

impl Service {
    /// The word in the scope.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }
}
