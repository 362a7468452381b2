//! The configuration of a backend.

use std::collections::BTreeMap;
use std::fmt;

/// One configured backend.
#[derive(Clone, PartialEq, Eq)]
pub struct BackendSpec {
    /// The name, unique in the cluster and stable for ever: the format marker carries it.
    pub name: String,
    /// Where: [`URL_KINDS`], a bucket followed by a prefix where there is one (`s3://bucket/prefix`).
    pub url: String,
    /// Who answers for it, as a failure domain.
    pub provider: Option<String>,
    /// Where it stands, as a failure domain.
    pub zone: Option<String>,
    /// Settings of this kind of backend, with secrets among them. For directories: [`FREE_FLOOR`]. For nodes:
    /// [`NODE_KEY`](crate::NODE_KEY). For remote
    /// stores: the keys of `object_store` (endpoint, region, access keys, `allow_http`, ...). For all:
    /// [`TIMEOUT_SECONDS`].
    pub options: BTreeMap<String, String>,
}

/// What the URL of a backend may be, for messages.
pub const URL_KINDS: &str = "a path, file:, node://, memory:, s3://, gs://, az:// or http(s)://";

/// Option of a directory: with fewer free bytes than this, writes are refused as [`crate::StoreError::Full`].
pub const FREE_FLOOR: &str = "free_floor_bytes";

/// Option of any backend: how many seconds a small operation may take. Large ones get time for their bytes on top.
pub const TIMEOUT_SECONDS: &str = "timeout_seconds";

/// What the caller expects of a backend that it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It was never used: format it if it is empty. Fails if it holds anything else than this backend.
    New,
    /// It was formatted before: it must carry its marker. Opens even when it cannot be reached or is the wrong one:
    /// then every operation fails until the right one is back.
    Formatted,
}

impl fmt::Debug for BackendSpec {
    /// Leaves out the values of options and the user part of the URL: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendSpec")
            .field("name", &self.name)
            .field("url", &redacted_url(&self.url))
            .field("provider", &self.provider)
            .field("zone", &self.zone)
            .field("options", &self.options.keys())
            .finish()
    }
}

/// A URL without user, password and query, for messages.
#[must_use]
pub fn redacted_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_reach_the_log() {
        let spec = BackendSpec {
            name: "west".into(),
            url: "https://user:hunter2@dav.example/slivers?sig=hunter2".into(),
            provider: None,
            zone: None,
            options: [("secret_access_key".to_owned(), "hunter2".to_owned())].into(),
        };
        let text = format!("{spec:?}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("https://dav.example/slivers") && text.contains("secret_access_key"), "{text}");
    }
}
