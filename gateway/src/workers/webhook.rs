//! One webhook: a URL that messages are posted to, but never to an address inside, unless the operator allows it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::config::NotificationTargetConfig;
use crate::domain::is_public_address;

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
        if literal.is_some_and(|address| !self.config.allow_private && !is_public_address(address)) {
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
            let allowed: Vec<SocketAddr> = found.filter(|at| allow_private || is_public_address(at.ip())).collect();
            if allowed.is_empty() {
                return Err("all of its addresses are private, and allow_private is not set".into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}
