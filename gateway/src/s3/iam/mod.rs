//! The IAM and STS APIs: forms posted to `/`, signed for the service `iam` or `sts`, answered in XML of their own.
//!
//! Read `answer` first: body, signature, action, permission, handler, reply. `table` holds the actions, one file for
//! each group of them.

pub(crate) mod action;
mod actions;
mod answer;
mod args;
mod authorize;
mod documents;
mod error;
mod names;
mod page;
mod show;
mod table;
#[cfg(test)]
mod tests;

pub use answer::{answer, is_action};

/// Reads the form of an action as far as it can be read without knowing which: for fuzzing.
#[cfg(any(test, feature = "fuzzing"))]
pub fn probe(body: &[u8]) {
    let Ok(args) = args::Args::parse(body) else { return };
    let _ = (args.path(), args.path_prefix(), args.policy_name(), page::Page::of(&args));
    let tags = actions::tags::read_tags(&args, actions::tags::TAGS_MAX).unwrap_or_default();
    assert!(tags.len() <= actions::tags::TAGS_MAX, "{} tags", tags.len());
}
