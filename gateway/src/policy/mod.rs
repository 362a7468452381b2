//! Who may do what. A rule book: it decides from what it is given and touches nothing.
//!
//! Until bucket policies and ACLs come, the rule is short: a bucket is private, its owner and the root user may do
//! everything with it, nobody else anything. An anonymous caller may do nothing at all.

mod permission;

pub use permission::Permission;

use crate::domain::UserId;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    /// Nobody we know.
    Anonymous,
    /// A user whose signature was verified.
    User {
        /// Which.
        id: UserId,
        /// Whether this is the root user.
        root: bool,
    },
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// `AccessDenied`.
    Deny,
}

/// Decides whether the requester may do this. `owner` is the owner of the bucket that is touched, or `None` when no
/// bucket is (listing and making buckets).
#[must_use]
pub fn decide(requester: Requester, permission: Permission, owner: Option<UserId>) -> Decision {
    let allowed = match requester {
        Requester::Anonymous => false,
        Requester::User { root: true, .. } => true,
        Requester::User { id, .. } => owner.map_or(permission.needs_no_bucket(), |owner| owner == id),
    };
    if allowed { Decision::Allow } else { Decision::Deny }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Permission = Permission("s3:GetObject");
    const MAKE: Permission = Permission("s3:CreateBucket");
    const ALICE: Requester = Requester::User { id: UserId(1), root: false };
    const ROOT: Requester = Requester::User { id: UserId(9), root: true };

    #[test]
    fn a_bucket_is_private() {
        let table = [
            (ALICE, READ, Some(UserId(1)), Decision::Allow),
            (ALICE, READ, Some(UserId(2)), Decision::Deny),
            (ALICE, READ, None, Decision::Deny),
            (ALICE, MAKE, None, Decision::Allow),
            (ROOT, READ, Some(UserId(2)), Decision::Allow),
            (ROOT, MAKE, None, Decision::Allow),
            (Requester::Anonymous, READ, Some(UserId(1)), Decision::Deny),
            (Requester::Anonymous, READ, None, Decision::Deny),
            (Requester::Anonymous, MAKE, None, Decision::Deny),
        ];
        for (who, what, owner, decision) in table {
            assert_eq!(decide(who, what, owner), decision, "{who:?} {what:?} {owner:?}");
        }
    }
}
