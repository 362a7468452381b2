//! Callers and requests for the tests of this folder.

use crate::domain::{CanonicalId, Timestamp, User, UserId};
use crate::policy::decision::principal::{Principal, PrincipalKind};

/// An account's own keys.
pub(super) fn account(number: i64) -> Principal {
    let canonical_id = CanonicalId(format!("{number:064x}"));
    let (id, created_at) = (UserId(number), Timestamp(0));
    Principal::of_account(&User { id, name: format!("account-{number}"), canonical_id, root: false, created_at })
}

/// A user of an account.
pub(super) fn user(number: i64, name: &str) -> Principal {
    Principal {
        kind: PrincipalKind::User,
        arn: format!("arn:aws:iam::{number:012}:user/{name}"),
        user_name: Some(name.to_owned()),
        user_id: format!("AIDA{name:0>17}"),
        ..account(number)
    }
}

/// A session of a role of an account.
pub(super) fn session(number: i64, role: &str) -> Principal {
    Principal {
        kind: PrincipalKind::AssumedRole,
        arn: format!("arn:aws:sts::{number:012}:assumed-role/{role}/s"),
        role_arn: Some(format!("arn:aws:iam::{number:012}:role/{role}")),
        user_id: format!("AROA{role:0>17}:s"),
        ..account(number)
    }
}
