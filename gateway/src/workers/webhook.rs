//! One webhook: a URL that messages are posted to, but never to an address inside, unless the operator allows it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::config::NotificationTargetConfig;

/// Bytes of a reply that are read at most, so that its connection can be used again.
const REPLY_BYTES_MAX: u64 = 64 << 10;

/// A target of notifications.
pub(super) struct Webhook {
    config: NotificationTargetConfig,
    url: Url,
    client: Client,
}

impl Webhook {
    /// A webhook as it is configured.
    ///
    /// # Errors
    /// The URL is none, or the TLS library cannot be set up.
    pub(super) fn new(config: &NotificationTargetConfig) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(config.timeout_seconds.into()))
            .connect_timeout(Duration::from_secs(config.timeout_seconds.min(5).into()))
            .pool_max_idle_per_host(4)
            .dns_resolver(Arc::new(Guarded { allow_private: config.allow_private }))
            .build()?;
        Ok(Self { config: config.clone(), url: Url::parse(&config.url)?, client })
    }

    /// As it is configured.
    pub(super) fn config(&self) -> &NotificationTargetConfig {
        &self.config
    }

    /// Posts a message; what went wrong, if anything did. Only a status of 2xx counts as taken.
    pub(super) async fn post(&self, message: String) -> Result<(), String> {
        // A host that is an address is connected to without asking the resolver.
        let literal = self.url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if literal.is_some_and(|address| !self.config.allow_private && !is_public(address)) {
            return Err("its address is private, and allow_private is not set".to_owned());
        }
        let mut request = self.client.post(self.url.clone()).header("content-type", "application/json").body(message);
        if let Some(authorization) = &self.config.authorization {
            request = request.header("authorization", authorization);
        }
        // Errors name the URL, which may carry a secret.
        let reply = request.send().await.map_err(|error| reason(&error.without_url()))?;
        let status = reply.status();
        if reply.content_length().is_some_and(|length| length <= REPLY_BYTES_MAX) {
            let _unread = reply.bytes().await;
        }
        if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
    }
}

/// An error with what caused it.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Looks names up and keeps only addresses that may be connected to: what was checked is what is connected to.
struct Guarded {
    allow_private: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|at| allow_private || is_public(at.ip())).collect();
            if allowed.is_empty() {
                return Err("all of its addresses are private, and allow_private is not set".into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is one of the open internet.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let protocol = a == 192 && b == 0 && address.octets()[2] == 0;
            let benchmark = a == 198 && (b == 18 || b == 19);
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || shared
                || protocol
                || benchmark
                || a == 0
                || a >= 240)
        }
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    // Global unicast is 2000::/3; ranges inside it that map or tunnel IPv4 are refused.
    let global = (0x2000..0x4000).contains(&first);
    let documentation = first == 0x2001 && address.segments()[1] == 0x0db8;
    let tunnel = first == 0x2002 || (first == 0x2001 && address.segments()[1] == 0);
    global && !documentation && !tunnel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_internet_is_public() {
        let table = [
            ("1.1.1.1", true),
            ("93.184.216.34", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("198.18.0.1", false),
            ("2606:4700:4700::1111", true),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("fe80::1", false),
            ("fc00::1", false),
            ("2002:7f00:1::", false),
            ("2001:0:7f00:1::", false),
            ("64:ff9b::7f00:1", false),
        ];
        for (address, public) in table {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}
