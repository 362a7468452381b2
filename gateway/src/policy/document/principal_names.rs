//! The names of a caller, as the `Principal` element of a statement may give them.

use crate::domain::{CanonicalId, UserId};

/// What a statement can name a caller by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrincipalNames<'a> {
    /// The account.
    pub(crate) account: UserId,
    /// The account's canonical id.
    pub(crate) canonical_id: &'a CanonicalId,
    /// Whether the caller is the account itself, not somebody in it.
    pub(crate) is_account: bool,
    /// The caller's own ARN.
    pub(crate) arn: &'a str,
    /// The unique id; for a session of a role `ROLEID:session-name`, for the account its number.
    pub(crate) user_id: &'a str,
    /// The ARN of the role, for a session of a role.
    pub(crate) role_arn: Option<&'a str>,
}

impl PrincipalNames<'_> {
    /// Whether this is the caller's unique id, or that of the role whose session the caller is.
    pub(crate) fn has_id(&self, id: &str) -> bool {
        let of_role = self.user_id.split_once(':').map(|(role, _)| role);
        !self.is_account && (self.user_id == id || of_role == Some(id))
    }
}
