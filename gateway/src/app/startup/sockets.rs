//! The sockets of a gateway and the certificates on them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::app::listener::{Certificates, bind};
use crate::config::Config;

/// Bound and not yet served: connections wait in the backlog.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// S3; over TLS when there are certificates.
    pub(crate) s3: Vec<(TcpListener, Option<Arc<Certificates>>)>,
    /// Health and metrics.
    pub(crate) ops: TcpListener,
    /// Websites; over TLS when there are certificates and they are asked for.
    pub(crate) website: Option<(TcpListener, Option<Arc<Certificates>>)>,
    /// The certificates in use, if any.
    pub(crate) certificates: Option<Arc<Certificates>>,
}

impl Sockets {
    /// Binds every address of the configuration.
    pub(crate) fn bind(config: &Config) -> anyhow::Result<Self> {
        let certificates = match &config.tls {
            Some(files) => Some(Arc::new(Certificates::load(files).context("[tls]")?)),
            None => None,
        };
        let separate = config.tls.as_ref().and_then(|tls| tls.listen);
        let first = bind(config.s3.listen).context("[s3] listen")?;
        let mut s3 = vec![(first, certificates.clone().filter(|_| separate.is_none()))];
        if let Some(listen) = separate {
            s3.push((bind(listen).context("[tls] listen")?, certificates.clone()));
        }
        let website = match &config.website {
            Some(website) => {
                let socket = bind(website.listen).context("[website] listen")?;
                Some((socket, certificates.clone().filter(|_| website.tls)))
            }
            None => None,
        };
        Ok(Self { s3, website, ops: bind(config.ops.listen).context("[ops] listen")?, certificates })
    }

    /// Where websites are, if they are served, and whether over TLS.
    pub(crate) fn website_address(&self) -> std::io::Result<Option<(SocketAddr, bool)>> {
        let Some((socket, certificates)) = &self.website else { return Ok(None) };
        Ok(Some((socket.local_addr()?, certificates.is_some())))
    }

    /// Where S3 is, and whether over TLS.
    pub(crate) fn s3_addresses(&self) -> std::io::Result<Vec<(SocketAddr, bool)>> {
        self.s3.iter().map(|(socket, certificates)| Ok((socket.local_addr()?, certificates.is_some()))).collect()
    }
}
