//! `[website]`: buckets as websites.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// With this section buckets that have a website configuration are served as websites, to anybody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebsiteConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Host names whose sub-domains are buckets. Any other host is itself the name of its bucket.
    pub base_domains: Vec<String>,
    /// Speak TLS, with the certificates of `[tls]`.
    pub tls: bool,
}

impl Default for WebsiteConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9_002)), base_domains: Vec::new(), tls: false }
    }
}
