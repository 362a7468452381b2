//! Conditions on a write, decided inside the committing transaction.

use super::ETag;

/// `If-Match` and `If-None-Match` on a write. Evaluated against the key's current version while its row is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WriteCondition {
    /// Always.
    #[default]
    None,
    /// `If-None-Match: *`: only if the key has no current version, else `PreconditionFailed`.
    Absent,
    /// `If-Match: *`: only if the key has a current version, else `NoSuchKey`.
    Present,
    /// `If-Match: "etag"`: only if the current version carries this tag; `NoSuchKey` when there is none,
    /// `PreconditionFailed` when it is another.
    Matches(ETag),
    /// `If-None-Match: "etag"`: only if there is no current version with this tag.
    Differs(ETag),
    /// `If-Match` with text that can be no tag of ours: `NoSuchKey` when absent, else `PreconditionFailed`.
    Never,
}
