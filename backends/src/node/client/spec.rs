//! What the configuration says of a node.

use http::Uri;

use crate::node::protocol::PublicKey;
use crate::spec::TIMEOUT_SECONDS;
use crate::{BackendSpec, StoreError};

/// Option of a node: its public key, which its certificate must have.
pub const NODE_KEY: &str = "node_key";

/// A node to connect to.
#[derive(Debug)]
pub(super) struct NodeSpec {
    /// What the gateway calls it.
    pub(super) name: String,
    /// `https://host:port`.
    pub(super) uri: Uri,
    /// Its key.
    pub(super) key: PublicKey,
}

impl NodeSpec {
    /// Reads `node://host:port` and the options.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`].
    pub(super) fn read(spec: &BackendSpec) -> Result<Self, StoreError> {
        let wrong_url =
            || StoreError::misconfigured(format!("the url of backend {:?} is not node://host:port", spec.name));
        let authority = spec.url.strip_prefix("node://").ok_or_else(wrong_url)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let parsed: http::uri::Authority = authority.parse().map_err(|_| wrong_url())?;
        if parsed.port_u16().is_none() || authority.contains('@') {
            return Err(wrong_url());
        }
        let known = |key: &&String| !matches!(key.as_str(), NODE_KEY | TIMEOUT_SECONDS);
        if let Some(key) = spec.options.keys().find(known) {
            return Err(StoreError::misconfigured(format!("unknown option {key:?}")));
        }
        let key = spec.options.get(NODE_KEY).ok_or_else(|| {
            StoreError::misconfigured(format!(
                "a node needs the option {NODE_KEY}, which `haulout node init` has printed"
            ))
        })?;
        let key = key.parse().map_err(|error| StoreError::misconfigured(format!("{NODE_KEY}: {error}")))?;
        let uri = format!("https://{authority}").parse().map_err(|_| wrong_url())?;
        Ok(Self { name: spec.name.clone(), uri, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_with_a_port_and_a_key_is_a_node() {
        let key = "ab".repeat(32);
        let read = |url: &str, options: &[(&str, &str)]| {
            let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            NodeSpec::read(&BackendSpec { name: "n".into(), url: url.into(), provider: None, zone: None, options })
        };
        let with_key = [(NODE_KEY, key.as_str()), (TIMEOUT_SECONDS, "3")];
        assert_eq!(read("node://[::1]:7000/", &with_key).unwrap().uri, "https://[::1]:7000");
        for (url, options, says) in [
            ("node://host", &with_key[..], "node://host:port"),
            ("node://", &with_key[..], "node://host:port"),
            ("node://u@host:1", &with_key[..], "node://host:port"),
            ("node://host:1/path", &with_key[..], "node://host:port"),
            ("node://host:1", &[], "needs the option node_key"),
            ("node://host:1", &[(NODE_KEY, "ab")], "64 lower-case"),
            ("node://host:1", &[(NODE_KEY, key.as_str()), ("region", "x")], "unknown option \"region\""),
        ] {
            match read(url, options) {
                Err(StoreError::Misconfigured { reason }) => assert!(reason.contains(says), "{url}: {reason}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }
}
