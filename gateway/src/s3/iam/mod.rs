//! The IAM and STS APIs: forms posted to `/`, signed for the service `iam` or `sts`, answered in XML of their own.
//!
//! Read `answer` first: body, signature, action, permission, handler, reply. `table` holds the actions, one file for
//! each group of them.

mod account_policies;
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

/// Reads the form of an action as far as it can be read without knowing which: for fuzzing.
pub fn probe(body: &[u8]) {
    let Ok(args) = args::Args::parse(body) else { return };
    let _ = (args.path(), args.path_prefix(), args.policy_name(), page::Page::of(&args));
    let tags = tags::read_tags(&args, tags::TAGS_MAX).unwrap_or_default();
    assert!(tags.len() <= tags::TAGS_MAX, "{} tags", tags.len());
}
