//! `[ops]`: the second listener.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// Health and metrics, apart from S3 so that no bucket name is shadowed and neither faces the public by accident.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpsConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Buckets that metrics of money name; the others are one. With 0 no name of a bucket is shown.
    pub metric_buckets: usize,
    /// Providers that metrics of money name; the others are one.
    pub metric_providers: usize,
}

impl Default for OpsConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9_001)), metric_buckets: 0, metric_providers: 100 }
    }
}
