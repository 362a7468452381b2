//! The actions of the IAM and STS APIs: one file for each kind of thing they are about; `table` lists them all.

pub(crate) mod account_policies;
pub(crate) mod attached_policies;
pub(crate) mod groups;
pub(crate) mod inline_policies;
pub(crate) mod keys;
pub(crate) mod policies;
pub(crate) mod policy_versions;
pub(crate) mod roles;
pub(crate) mod sessions;
pub(crate) mod summary;
pub(crate) mod tags;
pub(crate) mod users;
