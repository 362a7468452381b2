//! Notification rules of a bucket, in the terms of their XML.

use serde::{Deserialize, Serialize};

use crate::domain::Setting;

/// Every event that rules may name, without the `s3:` in front. Some never happen here, and rules may wait for them.
const EVENTS: [&str; 27] = [
    "ObjectCreated:Put",
    "ObjectCreated:Post",
    "ObjectCreated:Copy",
    "ObjectCreated:CompleteMultipartUpload",
    "ObjectRemoved:Delete",
    "ObjectRemoved:DeleteMarkerCreated",
    "ObjectRestore:Post",
    "ObjectRestore:Completed",
    "ObjectRestore:Delete",
    "ObjectTagging:Put",
    "ObjectTagging:Delete",
    "ObjectAcl:Put",
    "LifecycleExpiration:Delete",
    "LifecycleExpiration:DeleteMarkerCreated",
    "LifecycleTransition",
    "IntelligentTiering",
    "ReducedRedundancyLostObject",
    "Replication:OperationFailedReplication",
    "Replication:OperationMissedThreshold",
    "Replication:OperationReplicatedAfterThreshold",
    "Replication:OperationNotTracked",
    "ObjectCreated:*",
    "ObjectRemoved:*",
    "ObjectRestore:*",
    "ObjectTagging:*",
    "LifecycleExpiration:*",
    "Replication:*",
];

/// Whether rules may name this event, `s3:` in front.
#[must_use]
pub fn is_event(name: &str) -> bool {
    name.strip_prefix("s3:").is_some_and(|name| EVENTS.contains(&name))
}

/// What `PutBucketNotificationConfiguration` sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationConfiguration {
    /// In the order they were given.
    pub rules: Vec<NotificationRule>,
}

impl Setting for NotificationConfiguration {
    const KIND: &'static str = "notification";
}

/// How a destination was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// `QueueConfiguration`.
    Queue,
    /// `TopicConfiguration`.
    Topic,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRule {
    /// Its name, given or made.
    pub id: String,
    /// How its destination was called.
    pub destination: Destination,
    /// The destination as it was given.
    pub arn: String,
    /// The name of the target that stands behind it.
    pub target: String,
    /// Events, `s3:` in front, some with a `*` at the end.
    pub events: Vec<String>,
    /// Which keys it is about.
    pub filter: Option<KeyFilter>,
}

/// A filter on keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFilter {
    /// Keys that begin so.
    pub prefix: Option<String>,
    /// Keys that end so.
    pub suffix: Option<String>,
}

/// Two rules that match the same event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap;

impl NotificationRule {
    /// Whether it matches this event (without `s3:`) on this key.
    #[must_use]
    pub fn matches(&self, event: &str, key: &[u8]) -> bool {
        self.events.iter().any(|pattern| pattern_holds(pattern, event)) && self.holds(key)
    }

    fn holds(&self, key: &[u8]) -> bool {
        let (prefix, suffix) = self.ends();
        key.starts_with(prefix.as_bytes()) && key.ends_with(suffix.as_bytes())
    }

    fn ends(&self) -> (&str, &str) {
        let filter = self.filter.as_ref();
        (
            filter.and_then(|filter| filter.prefix.as_deref()).unwrap_or_default(),
            filter.and_then(|filter| filter.suffix.as_deref()).unwrap_or_default(),
        )
    }

    fn overlaps(&self, other: &Self) -> bool {
        let ((prefix, suffix), (other_prefix, other_suffix)) = (self.ends(), other.ends());
        let prefixes = prefix.starts_with(other_prefix) || other_prefix.starts_with(prefix);
        let suffixes = suffix.ends_with(other_suffix) || other_suffix.ends_with(suffix);
        let shares = |event: &&str| {
            let names_event = |rule: &Self| rule.events.iter().any(|pattern| pattern_holds(pattern, event));
            names_event(self) && names_event(other)
        };
        prefixes && suffixes && EVENTS.iter().any(shares)
    }
}

impl NotificationConfiguration {
    /// The rules that match this event (without `s3:`) on this key.
    pub fn matching<'a>(&'a self, event: &'a str, key: &'a [u8]) -> impl Iterator<Item = &'a NotificationRule> {
        self.rules.iter().filter(move |rule| rule.matches(event, key))
    }

    /// Checks that no event matches two rules, as Amazon demands.
    ///
    /// # Errors
    /// [`Overlap`] when one would be.
    pub fn check(&self) -> Result<(), Overlap> {
        let rules = &self.rules;
        let twice = rules.iter().enumerate().any(|(at, rule)| rules[..at].iter().any(|other| rule.overlaps(other)));
        if twice { Err(Overlap) } else { Ok(()) }
    }
}

fn pattern_holds(pattern: &str, event: &str) -> bool {
    let pattern = pattern.strip_prefix("s3:").unwrap_or(pattern);
    match pattern.strip_suffix('*') {
        Some(beginning) => event.starts_with(beginning),
        None => pattern == event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(events: &[&str], prefix: &str, suffix: &str) -> NotificationRule {
        NotificationRule {
            id: "a".to_owned(),
            destination: Destination::Queue,
            arn: "arn".to_owned(),
            target: "t".to_owned(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            filter: Some(KeyFilter { prefix: Some(prefix.to_owned()), suffix: Some(suffix.to_owned()) }),
        }
    }

    #[test]
    fn rules_match_what_they_name() {
        let created = rule(&["s3:ObjectCreated:*"], "in/", ".jpg");
        let table = [
            ("ObjectCreated:Put", "in/a.jpg", true),
            ("ObjectCreated:Copy", "in/.jpg", true),
            ("ObjectRemoved:Delete", "in/a.jpg", false),
            ("ObjectCreated:Put", "out/a.jpg", false),
            ("ObjectCreated:Put", "in/a.png", false),
        ];
        for (event, key, names_event) in table {
            assert_eq!(created.matches(event, key.as_bytes()), names_event, "{event} {key}");
        }
        let exact = NotificationRule { filter: None, ..rule(&["s3:ObjectRemoved:Delete"], "", "") };
        assert!(
            exact.matches("ObjectRemoved:Delete", b"x") && !exact.matches("ObjectRemoved:DeleteMarkerCreated", b"x")
        );
        assert!(is_event("s3:ObjectAcl:Put") && is_event("s3:LifecycleTransition") && !is_event("s3:Object"));
        assert!(is_event("s3:ObjectCreated:*") && !is_event("s3:ObjectCreated") && !is_event("ObjectCreated:*"));
    }

    #[test]
    fn no_event_is_reported_twice() {
        let both = |a, b| NotificationConfiguration { rules: vec![a, b] }.check();
        let put = |prefix, suffix| rule(&["s3:ObjectCreated:Put"], prefix, suffix);
        assert_eq!(both(put("a/", ""), put("b/", "")), Ok(()));
        assert_eq!(both(put("a/", ""), put("a/b/", "")), Err(Overlap));
        assert_eq!(both(put("a/", ".jpg"), put("a/", ".png")), Ok(()));
        assert_eq!(both(put("", ""), rule(&["s3:ObjectCreated:*"], "", "")), Err(Overlap));
        assert_eq!(both(put("", ""), rule(&["s3:ObjectRemoved:*"], "", "")), Ok(()));
    }
}
