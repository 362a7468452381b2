//! Users, groups, roles, their keys and policies, and who owns and may do what.

pub(crate) mod access_key;
pub(crate) mod access_list;
pub(crate) mod iam_identity;
pub(crate) mod managed_policy;
pub(crate) mod ownership;
pub(crate) mod pinned_principals;
pub(crate) mod principal_policies;
pub(crate) mod user;
