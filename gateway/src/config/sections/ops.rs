//! `[ops]`: the second listener.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// Health and metrics, apart from S3 so that no bucket name is shadowed and neither faces the public by accident.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpsConfig {
    /// Where to listen.
    pub listen: SocketAddr,
}

impl Default for OpsConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9_001)) }
    }
}
