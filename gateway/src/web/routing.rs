//! The routing rules of a website: which requests are sent elsewhere, and where.

use serde::{Deserialize, Serialize};

/// How a redirect is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Protocol {
    /// As it stands in a URL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// When a rule applies. Without any part it always does, before anything is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoutingCondition {
    /// The key begins with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<String>,
    /// Reading the key failed with this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u16>,
}

/// Where a rule sends a request. What is missing stays as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// Another protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Another host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What takes the place of the condition's prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<String>,
    /// What takes the place of the whole key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Another status than 301.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoutingRule {
    /// When it applies; always, without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<RoutingCondition>,
    /// Where it sends the request.
    pub redirect: Destination,
}

/// A request is to be sent elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// The status, 301 to 308.
    pub status: u16,
    /// The protocol, when it is given.
    pub protocol: Option<Protocol>,
    /// The host, when it is given.
    pub host: Option<String>,
    /// What the owner wrote to put at the beginning of the path, as it is.
    pub start: String,
    /// What follows it of the key that was asked for, not encoded.
    pub rest: String,
    /// Whether the query goes along.
    pub keeps_query: bool,
}

impl RoutingRule {
    /// Whether it applies to this key, with the status of a failed read or before any reading.
    #[must_use]
    pub fn applies(&self, key: &str, failed: Option<u16>) -> bool {
        let Some(condition) = &self.condition else { return failed.is_none() };
        let prefix = condition.key_prefix.as_deref().unwrap_or_default();
        condition.error_code == failed && key.starts_with(prefix)
    }

    /// Where it sends a key it applies to.
    #[must_use]
    pub fn redirection(&self, key: &str) -> Redirection {
        let to = &self.redirect;
        let prefix = self.condition.as_ref().and_then(|condition| condition.key_prefix.as_deref());
        let (start, rest) = match (&to.key, &to.key_prefix) {
            (Some(whole), _) => (whole.as_str(), ""),
            (None, Some(start)) => (start.as_str(), key.strip_prefix(prefix.unwrap_or_default()).unwrap_or(key)),
            (None, None) => ("", key),
        };
        Redirection {
            status: to.status.unwrap_or(301),
            protocol: to.protocol,
            host: to.host.clone(),
            start: start.to_owned(),
            rest: rest.to_owned(),
            keeps_query: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(prefix: Option<&str>, error_code: Option<u16>) -> Option<RoutingCondition> {
        Some(RoutingCondition { key_prefix: prefix.map(str::to_owned), error_code })
    }

    #[test]
    fn a_rule_applies_before_reading_or_after_a_failure() {
        for (rule, key, failed, applies) in [
            (None, "any", None, true),
            (None, "any", Some(404), false),
            (condition(Some("docs/"), None), "docs/a", None, true),
            (condition(Some("docs/"), None), "doc", None, false),
            (condition(Some("docs/"), None), "docs/a", Some(404), false),
            (condition(None, Some(404)), "any", Some(404), true),
            (condition(None, Some(404)), "any", Some(403), false),
            (condition(None, Some(404)), "any", None, false),
            (condition(Some("a/"), Some(403)), "a/b", Some(403), true),
            (condition(Some("a/"), Some(403)), "b", Some(403), false),
        ] {
            let rule = RoutingRule { condition: rule, redirect: Destination::default() };
            assert_eq!(rule.applies(key, failed), applies, "{rule:?} on {key}, {failed:?}");
        }
    }

    #[test]
    fn keys_are_replaced_whole_or_in_their_beginning() {
        let to = |key: Option<&str>, prefix: Option<&str>| Destination {
            key: key.map(str::to_owned),
            key_prefix: prefix.map(str::to_owned),
            ..Destination::default()
        };
        for (when, to, key, expected) in [
            (condition(Some("docs/"), None), to(None, Some("documents/")), "docs/a/b", "documents/a/b"),
            (condition(Some("docs/"), None), to(None, Some("")), "docs/a/b", "a/b"),
            (condition(Some("images/"), None), to(Some("gone.html"), None), "images/x", "gone.html"),
            (condition(None, Some(404)), to(None, Some("report-404/")), "x/y", "report-404/x/y"),
            (None, to(None, None), "same", "same"),
        ] {
            let redirection = RoutingRule { condition: when, redirect: to }.redirection(key);
            assert_eq!((redirection.start + &redirection.rest, redirection.status), (expected.to_owned(), 301));
        }
    }
}
