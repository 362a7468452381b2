//! `[tls]`: certificates of the S3 listener.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// With this section S3 is served over TLS. Both files are read again on SIGHUP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file: the server's certificate first, then the chain.
    pub certificate: PathBuf,
    /// PEM file: its private key.
    pub key: PathBuf,
    /// A listener of its own for https; `[s3] listen` then stays plain http. Without it `[s3] listen` speaks TLS.
    pub listen: Option<SocketAddr>,
}
