//! The rules of a bucket, in the words of their XML.

use serde::{Deserialize, Serialize};

use crate::domain::{Setting, Timestamp};
use crate::lifecycle::when::When;

/// What `PutBucketLifecycleConfiguration` sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// In the order they were given.
    pub rules: Vec<Rule>,
    /// What the smallest object is that moves when its rule names no size.
    pub minimum_size: MinimumSize,
}

impl Setting for Configuration {
    const KIND: &'static str = "lifecycle";
}

/// `x-amz-transition-default-minimum-object-size`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MinimumSize {
    /// Objects below 128 KiB stay where they are, whatever the class.
    #[default]
    All128K,
    /// They may move to classes that bill no minimum (`GLACIER` and `DEEP_ARCHIVE`).
    VariesByStorageClass,
}

impl MinimumSize {
    /// The fewest bytes an object must have to move to a class.
    #[must_use]
    pub fn bytes(self, class: &str) -> u64 {
        match self {
            Self::VariesByStorageClass if matches!(class, "GLACIER" | "DEEP_ARCHIVE") => 0,
            _ => 128 << 10,
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name, given or made.
    pub id: String,
    /// `Enabled`; a disabled rule is only kept.
    pub enabled: bool,
    /// What it is about.
    pub scope: Scope,
    /// What becomes of current versions.
    pub expiration: Option<Expiration>,
    /// What becomes of versions that are not current any more.
    pub noncurrent_expiration: Option<NoncurrentExpiration>,
    /// Where current versions move.
    pub transitions: Vec<Transition>,
    /// Where versions move that are not current any more.
    pub noncurrent_transitions: Vec<NoncurrentTransition>,
    /// Days after which an upload that was not completed is given up.
    pub abort_days: Option<u32>,
}

/// What a rule is about, as it was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// A `Prefix` of the rule itself, as rules had before there were filters.
    Prefix(String),
    /// A `Filter`.
    Filter(Filter),
}

/// A filter, as it was said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Everything.
    #[default]
    Everything,
    /// Keys that begin so.
    Prefix(String),
    /// Objects that have this tag.
    Tag(String, String),
    /// Objects of more bytes.
    GreaterThan(u64),
    /// Objects of fewer bytes.
    LessThan(u64),
    /// All of it.
    And {
        /// Keys that begin so.
        prefix: Option<String>,
        /// Objects that have all of these tags.
        tags: Vec<(String, String)>,
        /// Objects of more bytes.
        greater_than: Option<u64>,
        /// Objects of fewer bytes.
        less_than: Option<u64>,
    },
}

/// `Expiration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiration {
    /// Current versions expire.
    At(When),
    /// A delete marker goes when nothing is left behind it (`true`); `false` says nothing and is kept.
    LoneMarkers(bool),
}

/// `NoncurrentVersionExpiration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoncurrentExpiration {
    /// Days after the version was replaced.
    pub days: u32,
    /// So many of the newest are kept however old they are.
    pub newer: Option<u32>,
}

/// `Transition`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// When.
    pub when: When,
    /// To which class.
    pub class: String,
}

/// `NoncurrentVersionTransition`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoncurrentTransition {
    /// Days after the version was replaced.
    pub days: u32,
    /// So many of the newest stay however old they are.
    pub newer: Option<u32>,
    /// To which class.
    pub class: String,
}

/// The object a rule is matched against.
#[derive(Clone, Copy, Debug)]
pub struct LifecycleObject<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Bytes of content.
    pub size: u64,
    /// The tags.
    pub tags: &'a [(String, String)],
}

impl Scope {
    /// Whether an object is in it.
    #[must_use]
    pub fn holds(&self, object: &LifecycleObject<'_>) -> bool {
        let tagged = |name: &String, value: &String| object.tags.iter().any(|(n, v)| n == name && v == value);
        let begins = |prefix: &String| object.key.starts_with(prefix.as_bytes());
        match self {
            Self::Prefix(prefix) | Self::Filter(Filter::Prefix(prefix)) => begins(prefix),
            Self::Filter(Filter::Everything) => true,
            Self::Filter(Filter::Tag(name, value)) => tagged(name, value),
            Self::Filter(Filter::GreaterThan(bytes)) => object.size > *bytes,
            Self::Filter(Filter::LessThan(bytes)) => object.size < *bytes,
            Self::Filter(Filter::And { prefix, tags, greater_than, less_than }) => {
                prefix.as_ref().is_none_or(begins)
                    && tags.iter().all(|(name, value)| tagged(name, value))
                    && greater_than.is_none_or(|bytes| object.size > bytes)
                    && less_than.is_none_or(|bytes| object.size < bytes)
            }
        }
    }

    /// Whether tags decide what is in it.
    #[must_use]
    pub fn names_tags(&self) -> bool {
        match self {
            Self::Filter(Filter::Tag(..)) => true,
            Self::Filter(Filter::And { tags, .. }) => !tags.is_empty(),
            Self::Prefix(_) | Self::Filter(_) => false,
        }
    }

    /// Whether a delete marker of this key is in it: it has neither tags nor size.
    #[must_use]
    pub fn holds_marker(&self, key: &[u8]) -> bool {
        match self {
            Self::Prefix(prefix) | Self::Filter(Filter::Prefix(prefix)) => key.starts_with(prefix.as_bytes()),
            Self::Filter(Filter::Everything) => true,
            Self::Filter(Filter::And { prefix, tags, greater_than: None, less_than: None }) if tags.is_empty() => {
                prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_bytes()))
            }
            Self::Filter(_) => false,
        }
    }

    /// Whether an upload to this key is in it: rules about tags and sizes never match one.
    #[must_use]
    pub fn holds_upload(&self, key: &[u8]) -> bool {
        self.holds_marker(key)
    }

    /// Whether it filters on sizes.
    #[must_use]
    pub fn names_size(&self) -> bool {
        match self {
            Self::Filter(Filter::GreaterThan(_) | Filter::LessThan(_)) => true,
            Self::Filter(Filter::And { greater_than, less_than, .. }) => greater_than.is_some() || less_than.is_some(),
            _ => false,
        }
    }

    /// Every tag it asks for.
    #[must_use]
    pub fn tags(&self) -> &[(String, String)] {
        match self {
            Self::Filter(Filter::And { tags, .. }) => tags,
            _ => &[],
        }
    }
}

impl Configuration {
    /// The rules that are in force.
    pub fn in_force(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.enabled)
    }

    /// When the current version of a key expires by the calendar, and the rule that decides it: the earliest wins.
    #[must_use]
    pub fn expiry(
        &self,
        object: &LifecycleObject<'_>,
        modified_at: Timestamp,
        calendar: crate::lifecycle::Calendar,
    ) -> Option<(Timestamp, &str)> {
        let expiries = self.in_force().filter(|rule| rule.scope.holds(object)).filter_map(|rule| {
            let Some(Expiration::At(when)) = rule.expiration else { return None };
            Some((calendar.due(when, modified_at), rule.id.as_str()))
        });
        expiries.min_by_key(|(at, _)| *at)
    }

    /// When an upload to a key is aborted by the calendar, and the rule that decides it.
    #[must_use]
    pub fn abort(
        &self,
        key: &[u8],
        begun_at: Timestamp,
        calendar: crate::lifecycle::Calendar,
    ) -> Option<(Timestamp, &str)> {
        let aborts = self
            .in_force()
            .filter(|rule| rule.scope.holds_upload(key))
            .filter_map(|rule| Some((calendar.due(When::Days(rule.abort_days?), begun_at), rule.id.as_str())));
        aborts.min_by_key(|(at, _)| *at)
    }
}
