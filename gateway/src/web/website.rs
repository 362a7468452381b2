//! How a bucket answers as a website.

use serde::{Deserialize, Serialize};

use crate::domain::Setting;
use crate::web::routing::{Protocol, Redirection, RoutingRule};

/// The website of a bucket: either everything is sent to another host, or there is an index document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebsiteConfiguration {
    /// Where all requests are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_all: Option<RedirectAll>,
    /// The name of the document that answers for a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The key of the document that is shown when something fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Rules, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RoutingRule>,
}

/// Another host that answers for all of the website.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectAll {
    /// Its name, with a port if it has one.
    pub host: String,
    /// How to reach it; as this one was reached, when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
}

impl Setting for WebsiteConfiguration {
    const KIND: &'static str = "website";
}

impl WebsiteConfiguration {
    /// The most routing rules a website may have.
    pub const RULES_MAX: usize = 50;

    /// The key that answers for a path: a folder is answered by the index document in it.
    #[must_use]
    pub fn key_of(&self, path: &str) -> String {
        match &self.index {
            Some(index) if path.is_empty() || path.ends_with('/') => format!("{path}{index}"),
            _ => path.to_owned(),
        }
    }

    /// The index document of a path that might be a folder asked for without its slash.
    #[must_use]
    pub fn index_below(&self, path: &str) -> Option<String> {
        let index = self.index.as_ref().filter(|_| !path.is_empty() && !path.ends_with('/'))?;
        Some(format!("{path}/{index}"))
    }

    /// Where a request is sent before anything is read.
    #[must_use]
    pub fn redirection(&self, path: &str) -> Option<Redirection> {
        if let Some(all) = &self.redirect_all {
            return Some(Redirection {
                status: 301,
                protocol: all.protocol,
                host: Some(all.host.clone()),
                start: String::new(),
                rest: path.to_owned(),
                keeps_query: true,
            });
        }
        self.first_rule(path, None)
    }

    /// Where a request is sent because reading failed with this status.
    #[must_use]
    pub fn redirection_after(&self, path: &str, status: u16) -> Option<Redirection> {
        self.first_rule(path, Some(status))
    }

    fn first_rule(&self, path: &str, failed: Option<u16>) -> Option<Redirection> {
        self.rules.iter().find(|rule| rule.applies(path, failed)).map(|rule| rule.redirection(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::routing::{Destination, RoutingCondition};

    fn site() -> WebsiteConfiguration {
        let rule = |prefix: &str, failed, key: &str| RoutingRule {
            condition: Some(RoutingCondition { key_prefix: Some(prefix.to_owned()), error_code: failed }),
            redirect: Destination { key: Some(key.to_owned()), ..Destination::default() },
        };
        WebsiteConfiguration {
            index: Some("index.html".to_owned()),
            rules: vec![rule("old/", None, "first"), rule("old/", None, "second"), rule("", Some(404), "missing")],
            ..WebsiteConfiguration::default()
        }
    }

    #[test]
    fn folders_are_answered_by_their_index() {
        for (path, key, below) in [
            ("", "index.html", None),
            ("a/", "a/index.html", None),
            ("a", "a", Some("a/index.html")),
            ("a/b.txt", "a/b.txt", Some("a/b.txt/index.html")),
        ] {
            assert_eq!((site().key_of(path).as_str(), site().index_below(path).as_deref()), (key, below), "{path:?}");
        }
    }

    #[test]
    fn the_first_rule_counts() {
        assert_eq!(site().redirection("old/x").unwrap().start, "first");
        assert_eq!(site().redirection("new"), None);
        assert_eq!(site().redirection_after("new", 404).unwrap().start, "missing");
        assert_eq!(site().redirection_after("new", 403), None);
    }

    #[test]
    fn a_website_may_live_elsewhere() {
        let all = RedirectAll { host: "example.org".to_owned(), protocol: Some(Protocol::Https) };
        let site = WebsiteConfiguration { redirect_all: Some(all), ..WebsiteConfiguration::default() };
        let sent = site.redirection("a/b").unwrap();
        assert_eq!((sent.status, sent.host.as_deref(), sent.rest.as_str()), (301, Some("example.org"), "a/b"));
    }
}
