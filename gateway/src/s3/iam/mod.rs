//! The IAM and STS APIs: forms posted to `/`, signed for the service `iam` or `sts`, answered in XML of their own.
//!
//! Read `answer` first: body, signature, action, permission, handler, reply. `table` holds the actions, one file for
//! each group of them.

mod answer;
mod args;
mod attached_policies;
mod authorize;
mod documents;
mod error;
mod groups;
mod inline_policies;
mod keys;
mod names;
mod page;
mod policies;
mod policy_versions;
mod roles;
mod sessions;
mod show;
mod summary;
mod table;
mod tags;
#[cfg(test)]
mod tests;
mod users;

pub use answer::{answer, is_action};
